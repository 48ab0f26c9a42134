/** Settings of GRPO. */

import { z } from "zod";

import { positive, share } from "../config/ranges.ts";
import { LossSettings } from "../algorithms/loss-settings.ts";

export const GrpoSettings = z.strictObject({
  steps: z.int().min(0).default(300).describe("Rollouts; each gives `updatesPerRollout` optimizer steps."),
  prompts: z.int().min(1).default(16).describe("Prompts a rollout."),
  groupSize: z.int().min(2).default(8).describe("Completions sampled for each prompt."),
  updatesPerRollout: z.int().min(1).default(1).describe("1 is on-policy; more uses the clipped surrogate."),
  temperature: positive.default(1).describe("Sampling temperature of the rollout."),
  maxTokens: z
    .int()
    .min(1)
    .default(512)
    .describe("Longest completion; longer ones are cut off and not scored."),
  advantageScale: z
    .enum(["population", "sample", "none", "batch"])
    .default("population")
    .describe(
      "What a centred reward is divided by: the group's std (either kind), nothing, or the batch's std.",
    ),
  resampleZeroVariance: z
    .int()
    .min(0)
    .default(0)
    .describe("Times a rollout may replace groups whose rewards are all equal (DAPO's dynamic sampling)."),
  learningRate: positive.default(2e-4).describe("Peak learning rate."),
  minLearningRateShare: share.default(0.2).describe("Share of the peak that the cosine ends at."),
  warmupSteps: z.int().min(0).default(5).describe("Steps of linear warm-up."),
  loss: LossSettings.prefault({}),
  evaluateEvery: z.int().min(1).default(50).describe("Steps between evaluations."),
  validationSize: z.int().min(1).default(128).describe("Validation edits an evaluation scores."),
  patience: z.int().min(1).default(10).describe("Evaluations without a better reward before stopping."),
  saveEvery: z.int().min(1).default(50).describe("Steps between checkpoints."),
  showGroupsEvery: z
    .int()
    .min(1)
    .optional()
    .describe("Steps between groups that are recorded with their pictures. Left out: at evaluations."),
  maxFailedVerdicts: share
    .default(0.5)
    .describe("Share of a rollout's verdicts that may fail before the run pauses."),
});

export type GrpoSettings = z.infer<typeof GrpoSettings>;
