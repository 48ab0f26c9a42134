/** The front door of optimizers: which update rule every engine's steps end in, by kind, and its settings. */

import { z } from "zod";

import { choiceOf } from "../config/choice.ts";

/** Nearer to 1, float32 leaves nothing of a gradient beside what was before. */
const decay = z.number().min(0).max(0.999999);

const AdamwSettings = z.strictObject({
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

const MuonSettings = AdamwSettings.extend({
  momentum: decay.default(0.95).describe("Decay of the momentum that Muon orthogonalises."),
  iterations: z
    .int()
    .min(1)
    .max(20)
    .default(5)
    .describe("Newton–Schulz iterations: more bring singular values nearer to 1, and cost more."),
  matrixScale: z
    .number()
    .min(1e-6)
    .max(1000)
    .default(0.2)
    .describe(
      "A matrix of n × m moves by the learning rate · this · √max(n, m): 0.2 is about as far as AdamW would move it, so one rate serves both.",
    ),
});

export const OPTIMIZERS = {
  adamw: {
    about: "AdamW for every parameter.",
    options: AdamwSettings,
  },
  muon: {
    about:
      "Muon for the matrices inside the layers, AdamW for embeddings, norms and head. Half the state for what Muon moves, and a third to a half more arithmetic a step where batches are small.",
    options: MuonSettings,
  },
};

export const OptimizerSettings = choiceOf(OPTIMIZERS, { standard: "adamw" });
export type OptimizerSettings = z.infer<typeof OptimizerSettings>;
export type AdamwSettings = z.infer<typeof AdamwSettings>;
export type MuonSettings = z.infer<typeof MuonSettings>;
