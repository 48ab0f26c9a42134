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

export interface Asked {
  readonly size: StepSize;
  readonly rewards: readonly object[];
  readonly steps: number;
  /** Further settings of the stage. */
  readonly grpo?: object;
}

/** 16 prompts × 8 completions. */
function configOf(
  name: string,
  { cells, policy }: StepSize,
  { rewards, steps, grpo = {} }: Omit<Asked, "size">,
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
      ...grpo,
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
  /** What the step waited for verdicts, and what judging took beside that. */
  readonly judging: number;
  readonly hidden: number;
  readonly update: number;
}

export async function stepSeconds(folder: string, name: string, asked: Asked): Promise<StepSeconds[]> {
  await writeFile(join(folder, `${name}.yaml`), configOf(name, asked.size, asked));
  await earl(folder, "train", `${name}.yaml`);
  const lines = (await readFile(join(folder, "runs", name, "events.jsonl"), "utf8")).trimEnd().split("\n");
  return lines
    .map((line) => JSON.parse(line) as StepEvent)
    .filter(({ kind, stage }) => kind === "step-end" && stage === "grpo")
    .map(({ metrics = {} }) => {
      const of = (part: string): number => metrics[`time/${part}`] ?? 0;
      return {
        step: of("step"),
        rollout: of("rollout"),
        judging: of("judging"),
        hidden: of("judging_hidden"),
        update: of("update"),
      };
    })
    .slice(WARM_UP);
}
