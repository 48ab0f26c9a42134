/** Settings of supervised fine-tuning. */

import { z } from "zod";

import { improvement, learningRate, rows, share, steps } from "../config/ranges.ts";
import { StageData } from "../data/stage-data.ts";

export const SftSettings = z.strictObject({
  data: StageData.optional().describe(
    "Where its demonstrations come from, if not from `data`: datasets that are trained on one after another.",
  ),
  steps: steps(0)
    .default(2000)
    .describe(
      "Optimizer steps. A resumed run may make more: it goes on along the cosine of the longer course.",
    ),
  batchSize: rows(1).default(16).describe("Edit examples a step."),
  learningRate: learningRate.default(1.5e-3).describe("Peak learning rate."),
  minLearningRateShare: share.default(0.05).describe("Share of the peak that the cosine ends at."),
  warmupSteps: steps(0).default(30).describe("Steps of linear warm-up."),
  evaluateEvery: steps(1).default(200).describe("Steps between validation losses."),
  validationSize: rows(1).default(256).describe("Validation examples the loss is measured on."),
  patience: steps(1).default(10).describe("Evaluations without a better validation loss before stopping."),
  minImprovement: improvement
    .default(0)
    .describe(
      "Losses that are lower by no more than this are a plateau; the best checkpoint is kept all the same.",
    ),
  saveEvery: steps(1).default(200).describe("Steps between checkpoints."),
});

export type SftSettings = z.infer<typeof SftSettings>;
