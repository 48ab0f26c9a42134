/** GRPO steps of `earl train` with one reward or another: seconds a step, from the run's own events. */

import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** The first ones make graphs ready. */
const WARM_UP = 2;

/** Where a process says what CPU it took, all its threads together. */
const CPU_FILE = "EARL_BENCH_CPU_FILE";
const TELL_CPU = `import { writeFileSync } from "node:fs"; import { isMainThread } from "node:worker_threads";
if (isMainThread) process.on("exit", () => writeFileSync(process.env.${CPU_FILE}, JSON.stringify(process.cpuUsage())));`;

/** Runs a command; seconds of CPU that it took. */
async function earl(folder: string, ...words: string[]): Promise<number> {
  const tell = `data:text/javascript,${encodeURIComponent(TELL_CPU)}`;
  const program = [join(root, "src", "from-source.mjs"), join(root, "src", "cli", "main.ts")];
  const file = join(folder, "cpu.json");
  await run(process.execPath, ["--import", tell, ...program, ...words], {
    cwd: folder,
    maxBuffer: 2 ** 24,
    env: { ...process.env, [CPU_FILE]: file },
  });
  const { user, system } = JSON.parse(await readFile(file, "utf8")) as NodeJS.CpuUsage;
  await rm(file);
  return (user + system) / 1e6;
}

export interface StepSize {
  readonly name: string;
  /** Rows and columns of a scene; a picture has four tokens a cell. */
  readonly cells: number;
  /** 256 unless given. */
  readonly maxTokens?: number;
  readonly policy: Readonly<Record<string, number>>;
}

const FIVE_MILLION = { hiddenSize: 256, layers: 6, heads: 8, keyValueHeads: 4, intermediateSize: 688 };

export const STEP_SIZES: readonly StepSize[] = [
  {
    name: "as the demo: 64 tokens a picture",
    cells: 4,
    policy: { hiddenSize: 96, layers: 4, heads: 4, keyValueHeads: 2, intermediateSize: 256 },
  },
  {
    name: "5 M parameters, 144 tokens a picture",
    cells: 6,
    policy: FIVE_MILLION,
  },
  { name: "5 M parameters, 256 tokens a picture", cells: 8, maxTokens: 512, policy: FIVE_MILLION },
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
  { cells, maxTokens = 256, policy }: StepSize,
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
      maxTokens,
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

export interface MeasuredRun {
  readonly steps: readonly StepSeconds[];
  /** Of the whole process, all threads, by the number of steps that it made: what two arms differ by is the judge's. */
  readonly cpuAStep: number;
}

export async function stepSeconds(
  folder: string,
  name: string,
  asked: Asked,
): Promise<readonly StepSeconds[]> {
  const { steps } = await measuredRun(folder, name, asked);
  return steps;
}

export async function measuredRun(folder: string, name: string, asked: Asked): Promise<MeasuredRun> {
  await writeFile(join(folder, `${name}.yaml`), configOf(name, asked.size, asked));
  const cpu = await earl(folder, "train", `${name}.yaml`);
  const lines = (await readFile(join(folder, "runs", name, "events.jsonl"), "utf8")).trimEnd().split("\n");
  const made = lines
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
    });
  return { steps: made.slice(WARM_UP), cpuAStep: cpu / made.length };
}
