/** Settings of the loss: a published one by name, and what may be changed about it. */

import { z } from "zod";

import { positive, share } from "../config/ranges.ts";

export const LossSettings = z.strictObject({
  kind: z
    .enum(["grpo", "dr_grpo", "dapo", "gspo", "cispo"])
    .default("grpo")
    .describe("Published loss: how ratios are clipped and how tokens are averaged."),
  clipLow: share
    .optional()
    .describe(
      "The ratio may fall to 1 − this before it is clipped. Left out: what the named loss published.",
    ),
  clipHigh: positive
    .max(1e6)
    .optional()
    .describe(
      "The ratio may rise to 1 + this before it is clipped. Left out: what the named loss published.",
    ),
  importanceCap: z
    .number()
    .min(1)
    .max(1e6)
    .optional()
    .describe(
      "Weighs each token with how much likelier the trainer holds it than the sampler that drew it, this much at most (truncated importance sampling). For samplers of low precision; costs a pass over each rollout. Left out: no weights.",
    ),
  klCoef: z
    .number()
    .min(0)
    .max(1e6)
    .default(1e-3)
    .describe("Weight of the KL penalty to the reference policy."),
  klEstimator: z.enum(["k1", "k2", "k3"]).default("k3").describe("Estimator of that KL (Schulman 2020)."),
});

export type LossSettings = z.infer<typeof LossSettings>;
