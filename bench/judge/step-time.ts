/** GRPO steps of `earl train` with one reward or another: seconds a step, from the run's own events. */

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** The first ones make graphs ready. */
const WARM_UP = 2;

async function earl(folder: string, ...words: string[]): Promise<void> {
  const program = [join(root, "src", "from-source.mjs"), join(root, "src", "cli", "main.ts")];
  await run(process.execPath, [...program, ...words], { cwd: folder, maxBuffer: 2 ** 24 });
}

export interface StepSize {
  readonly name: string;
  /** Rows and columns of a scene; a picture has four tokens a cell. */
  readonly cells: number;
  readonly policy: Readonly<Record<string, number>>;
}

export const STEP_SIZES: readonly StepSize[] = [
  {
    name: "as the demo: 64 tokens a picture",
    cells: 4,
    policy: { hiddenSize: 96, layers: 4, heads: 4, keyValueHeads: 2, intermediateSize: 256 },
  },
  {
    name: "5 M parameters, 144 tokens a picture",
    cells: 6,
    policy: { hiddenSize: 256, layers: 6, heads: 8, keyValueHeads: 4, intermediateSize: 688 },
  },
];

export async function drawScenes(folder: string, { cells }: StepSize): Promise<void> {
  const counts = ["--train", "200", "--validation", "4", "--test", "4", "--cells", String(cells)];
  await earl(folder, "data", "scenes", "--out", `data-${cells}`, ...counts);
}

/** 16 prompts × 8 completions. */
function configOf(
  name: string,
  { cells, policy }: StepSize,
  rewards: readonly object[],
  steps: number,
): string {
  return JSON.stringify({
    name,
    algorithm: "sft-grpo",
    data: { directory: `data-${cells}` },
    policy,
    sft: { steps: 1, evaluateEvery: 1, saveEvery: 1, validationSize: 2 },
    grpo: {
      steps: steps + WARM_UP,
      prompts: 16,
      groupSize: 8,
      maxTokens: 256,
      evaluateEvery: steps + WARM_UP,
      saveEvery: steps + WARM_UP,
      validationSize: 2,
    },
    evaluation: { size: 0 },
    rewards,
  });
}

interface StepEvent {
  readonly kind: string;
  readonly stage?: string;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Of each step after the warm-up. */
export interface StepSeconds {
  readonly step: number;
  readonly rollout: number;
  /** From the last completion to the last verdict. */
  readonly judging: number;
}

export async function stepSeconds(
  folder: string,
  name: string,
  {
    size,
    rewards,
    steps,
  }: { readonly size: StepSize; readonly rewards: readonly object[]; readonly steps: number },
): Promise<StepSeconds[]> {
  await writeFile(join(folder, `${name}.yaml`), configOf(name, size, rewards, steps));
  await earl(folder, "train", `${name}.yaml`);
  const lines = (await readFile(join(folder, "runs", name, "events.jsonl"), "utf8")).trimEnd().split("\n");
  return lines
    .map((line) => JSON.parse(line) as StepEvent)
    .filter(({ kind, stage }) => kind === "step-end" && stage === "grpo")
    .map(({ metrics = {} }) => {
      const { "time/step": step, "time/rollout": rollout, "time/judging": judging } = metrics;
      return { step: step!, rollout: rollout!, judging: judging! };
    })
    .slice(WARM_UP);
}
