/** Settings of the optimizer, which every engine has. */

import { z } from "zod";

/** Nearer to 1, float32 leaves nothing of a gradient beside what was before. */
const decay = z.number().min(0).max(0.999999);

export const OptimizerSettings = z.strictObject({
  beta1: decay.default(0.9).describe("Decay of AdamW's first moment."),
  beta2: decay.default(0.95).describe("Decay of AdamW's second moment."),
  // A smaller one is lost in float32 beside squares that are, and 0 / 0 follows.
  epsilon: z.number().min(1e-15).max(1).default(1e-6).describe("Added to AdamW's denominator."),
  weightDecay: z.number().min(0).max(100).default(0).describe("Decoupled decay, applied to every parameter."),
  maxGradNorm: z
    .number()
    .min(1e-9)
    .max(1e9)
    .default(1)
    .describe("The gradient's global norm is clipped to this."),
});

export type OptimizerSettings = z.infer<typeof OptimizerSettings>;
