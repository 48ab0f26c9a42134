/** What the learning benchmark trains: one place for every number. FLOPs are measured; the steps here aim at them. */

import { join } from "node:path";

import { RunConfig } from "../../src/experiment/run-config.ts";

export const SEEDS = [0, 1, 2] as const;

/** Demonstrations with wrong targets, and the same generator's right ones. */
export const IMPERFECT = 0.3;
export const COUNTS = { train: 20_000, validation: 256, test: 1024 } as const;

/** Steps of supervised training from nothing, then on imperfect demonstrations, and of GRPO. */
export const STEPS = { base: 8000, imperfect: 800, grpo: 320 } as const;

/** Peak learning rate of training that goes on from trained weights. */
export const CONTINUED_LEARNING_RATE = 7.5e-4;

/** Longest completion: a picture of 4 × 4 codes is 27 ids. */
export const MAX_TOKENS = 64;

export const ROOT = join("runs", "learning");

/** The run's settings for one seed; those of the policy and the optimizer are recipes/demo's. */
export function settingsOf(seed: number, threads: number): RunConfig {
  return RunConfig.parse({
    name: "learning",
    seed,
    algorithm: "sft-grpo",
    data: { directory: join(ROOT, "clean") },
    engine: { threads },
    sft: { steps: STEPS.base, evaluateEvery: 2000, saveEvery: 100_000, patience: 1000 },
    grpo: {
      steps: STEPS.grpo,
      maxTokens: MAX_TOKENS,
      evaluateEvery: 80,
      saveEvery: 100_000,
      patience: 1000,
    },
  });
}
