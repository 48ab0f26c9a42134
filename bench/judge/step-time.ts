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

export async function drawScenes(folder: string): Promise<void> {
  const counts = ["--train", "200", "--validation", "4", "--test", "4"];
  await earl(folder, "data", "scenes", "--out", "data", ...counts);
}

/** The demo's policy and step, 16 prompts × 8 completions. */
function configOf(name: string, rewards: readonly object[], steps: number): string {
  return JSON.stringify({
    name,
    algorithm: "sft-grpo",
    data: { directory: "data" },
    policy: { hiddenSize: 96, layers: 4, heads: 4, keyValueHeads: 2, intermediateSize: 256 },
    sft: { steps: 1, evaluateEvery: 1, saveEvery: 1, validationSize: 2 },
    grpo: {
      steps: steps + WARM_UP,
      prompts: 16,
      groupSize: 8,
      maxTokens: 64,
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

/** Seconds of each step after the warm-up. */
export async function stepSeconds(
  folder: string,
  name: string,
  rewards: readonly object[],
  steps: number,
): Promise<number[]> {
  await writeFile(join(folder, `${name}.yaml`), configOf(name, rewards, steps));
  await earl(folder, "train", `${name}.yaml`);
  const lines = (await readFile(join(folder, "runs", name, "events.jsonl"), "utf8")).trimEnd().split("\n");
  return lines
    .map((line) => JSON.parse(line) as StepEvent)
    .filter(({ kind, stage }) => kind === "step-end" && stage === "grpo")
    .map(({ metrics }) => metrics?.["time/step"] ?? metrics?.["step_time"] ?? Number.NaN)
    .slice(WARM_UP);
}
