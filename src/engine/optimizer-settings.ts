/** Settings of the optimizer, which every engine has. */

import { z } from "zod";

import { positive, share } from "../config/ranges.ts";

export const OptimizerSettings = z.strictObject({
  beta1: share.default(0.9).describe("Decay of AdamW's first moment."),
  beta2: share.default(0.95).describe("Decay of AdamW's second moment."),
  epsilon: positive.default(1e-6).describe("Added to AdamW's denominator."),
  weightDecay: z.number().min(0).default(0).describe("Decoupled decay, applied to every parameter."),
  maxGradNorm: positive.default(1).describe("The gradient's global norm is clipped to this."),
});

export type OptimizerSettings = z.infer<typeof OptimizerSettings>;
