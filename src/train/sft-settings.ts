/** Settings of supervised fine-tuning. */

import { z } from "zod";

import { positive, share } from "../config/ranges.ts";

export const SftSettings = z.strictObject({
  steps: z.int().min(0).default(2000).describe("Optimizer steps."),
  batchSize: z.int().min(1).default(16).describe("Edit examples a step."),
  learningRate: positive.default(1.5e-3).describe("Peak learning rate."),
  minLearningRateShare: share.default(0.05).describe("Share of the peak that the cosine ends at."),
  warmupSteps: z.int().min(0).default(30).describe("Steps of linear warm-up."),
  evaluateEvery: z.int().min(1).default(200).describe("Steps between validation losses."),
  validationSize: z.int().min(1).default(256).describe("Validation examples the loss is measured on."),
  patience: z
    .int()
    .min(1)
    .default(10)
    .describe("Evaluations without a better validation loss before stopping."),
  saveEvery: z.int().min(1).default(200).describe("Steps between checkpoints."),
});

export type SftSettings = z.infer<typeof SftSettings>;
