/** What the learning benchmark trains: one place for every number. FLOPs are measured; the steps here aim at them. */

import { join } from "node:path";

import { RunConfig } from "../../src/experiment/run-config.ts";

export const SEEDS = [0, 1, 2] as const;

/** Demonstrations with wrong targets, and the same generator's right ones. */
export const IMPERFECT = 0.3;
const COUNTS = { train: 20_000, validation: 256, test: 1024 } as const;

/** Steps of supervised training from nothing, then on imperfect demonstrations, and of GRPO. */
const STEPS = { base: 8000, imperfect: 800, grpo: 320 } as const;

/** Peak learning rate of training that goes on from trained weights. */
export const CONTINUED_LEARNING_RATE = 7.5e-4;

/** Longest completion: a picture of 4 × 4 codes is 27 ids, a thought of the scenes some 100 to 250. */
const MAX_TOKENS = { plain: 64, thoughts: 384 } as const;

/** How large the benchmark is: 1 is what figures are quoted of; less says whether it runs. */
export interface Extent {
  readonly scale: number;
  readonly threads: number;
}

export type Counts = Readonly<Record<keyof typeof COUNTS, number>>;

export function countsOf({ scale }: Extent): Counts {
  const scaled = (count: number): number => Math.max(8, Math.round(count * scale));
  return { train: scaled(COUNTS.train), validation: scaled(COUNTS.validation), test: scaled(COUNTS.test) };
}

export function stepsOf({ scale }: Extent): Readonly<Record<keyof typeof STEPS, number>> {
  const scaled = (steps: number): number => Math.max(2, Math.round(steps * scale));
  return { base: scaled(STEPS.base), imperfect: scaled(STEPS.imperfect), grpo: scaled(STEPS.grpo) };
}

/** Folder of everything that is made; arms of another extent are others. */
export function rootOf({ scale }: Extent): string {
  return join("runs", scale === 1 ? "learning" : `learning-${scale}`);
}

/** The run's settings for one seed; those of the policy and the optimizer are the defaults. */
export function settingsOf(seed: number, extent: Extent, thoughts = false): RunConfig {
  const steps = stepsOf(extent);
  return RunConfig.parse({
    name: "learning",
    seed,
    algorithm: "sft-grpo",
    data: { directory: join(rootOf(extent), "clean"), thoughts },
    engine: { threads: extent.threads },
    sft: {
      steps: steps.base,
      evaluateEvery: Math.max(1, Math.round(steps.base / 4)),
      saveEvery: 100_000,
      patience: 1000,
    },
    grpo: {
      steps: steps.grpo,
      maxTokens: thoughts ? MAX_TOKENS.thoughts : MAX_TOKENS.plain,
      evaluateEvery: Math.max(1, Math.round(steps.grpo / 4)),
      saveEvery: 100_000,
      patience: 1000,
    },
  });
}
