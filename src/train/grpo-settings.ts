/** Settings of GRPO. */

import { z } from "zod";

import { improvement, label, learningRate, rows, share, steps } from "../config/ranges.ts";
import { StageData } from "../data/stage-data.ts";
import { MonitorSettings } from "../rewards/monitor-settings.ts";
import { LossSettings } from "../algorithms/loss-settings.ts";

/** A week. */
const MOST_PAUSE_MINUTES = 7 * 24 * 60;

/** A slice of a benchmark that is scored at every evaluation. */
const StopOn = z.strictObject({
  benchmark: label.describe("Which one, by its name in `evaluation.benchmarks`."),
  size: rows(1).default(64).describe("Edits of it that are scored, spread evenly over its rows."),
});

export const GrpoSettings = z.strictObject({
  data: StageData.optional().describe(
    "Where its prompts and targets come from, if not from `data`: datasets that are trained on one after another.",
  ),
  steps: steps(0)
    .default(300)
    .describe(
      "Rollouts; each gives `updatesPerRollout` optimizer steps. A resumed run may make more: it goes on along the cosine of the longer course.",
    ),
  prompts: rows(1).default(16).describe("Prompts a rollout."),
  groupSize: z.int().min(2).max(4096).default(8).describe("Completions sampled for each prompt."),
  updatesPerRollout: z
    .int()
    .min(1)
    .max(1000)
    .default(1)
    .describe("1 is on-policy; more uses the clipped surrogate."),
  lookAhead: z
    .int()
    .min(0)
    .max(1)
    .default(0)
    .describe(
      "1 writes each rollout a step early, so that it is judged while the one before it is trained on. It is then one update old, and the clipped surrogate is used. Worth it where judging takes long.",
    ),
  temperature: z.number().min(0.001).max(1000).default(1).describe("Sampling temperature of the rollout."),
  maxTokens: z
    .int()
    .min(1)
    .max(2 ** 20)
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
    .max(1000)
    .default(0)
    .describe("Times a rollout may replace groups whose rewards are all equal (DAPO's dynamic sampling)."),
  learningRate: learningRate.default(2e-4).describe("Peak learning rate."),
  minLearningRateShare: share.default(0.2).describe("Share of the peak that the cosine ends at."),
  warmupSteps: steps(0).default(5).describe("Steps of linear warm-up."),
  loss: LossSettings.prefault({}),
  evaluateEvery: steps(1).default(50).describe("Steps between evaluations."),
  validationSize: rows(1).default(128).describe("Validation edits an evaluation scores."),
  patience: steps(1).default(10).describe("Evaluations without a better reward before stopping."),
  minImprovement: improvement
    .default(0)
    .describe(
      "Rewards that are better by no more than this are a plateau; the best checkpoint is kept all the same.",
    ),
  stopOn: StopOn.optional().describe(
    "Chooses the best checkpoint, and stops, by a slice of a benchmark. Left out: by the validation edits.",
  ),
  saveEvery: steps(1).default(50).describe("Steps between checkpoints."),
  showGroupsEvery: steps(1)
    .optional()
    .describe("Steps between groups that are recorded with their pictures. Left out: at evaluations."),
  shownGroups: rows(0)
    .default(8)
    .describe("Groups that are recorded then, as they are judged and as they are learned from."),
  showHeldOut: rows(0)
    .default(4)
    .describe("Validation edits that each evaluation records with what was written for them."),
  maxFailedVerdicts: share
    .default(0.5)
    .describe("Share of a rollout's verdicts that may fail before the run pauses."),
  monitors: MonitorSettings.prefault({}).describe(
    "What is worth a warning: signs that rewards are won without editing.",
  ),
  maxPauseMinutes: z
    .number()
    .min(0)
    .max(MOST_PAUSE_MINUTES)
    .default(60)
    .describe(
      "Longest wait for a judge that cannot be reached. The run saves, waits, asks again and goes on by itself; after that it stops and can be resumed.",
    ),
});

export type GrpoSettings = z.infer<typeof GrpoSettings>;
