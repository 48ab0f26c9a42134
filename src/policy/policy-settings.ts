/** Settings of the policy: where its weights come from, or the sizes of a fresh one. */

import { z } from "zod";

import { path, positive, share } from "../config/ranges.ts";
import { LEAST_NORM_EPSILON, MOST } from "./size-limits.ts";

export const AdapterSettings = z.strictObject({
  rank: z.int().min(1).max(MOST.rank).default(16).describe("Width of the adapter's inner product."),
  alpha: positive.max(MOST.alpha).default(32).describe("The adapter is scaled by alpha / rank."),
  targets: z
    .array(z.enum(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    .min(1)
    .default(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    .describe("Projections of every layer that are adapted."),
});

export const PolicySettings = z.strictObject({
  checkpoint: path
    .optional()
    .describe(
      "Start from this Hugging Face directory instead of fresh weights, or from the best checkpoint of this run (runs/NAME).",
    ),
  lora: AdapterSettings.optional().describe(
    "Train a LoRA adapter beside the checkpoint's weights; left out, all weights are trained.",
  ),
  tokenizer: path
    .optional()
    .describe("Directory of that checkpoint's text tokenizer, where it is not beside the weights."),
  visionTokenizer: path
    .optional()
    .describe("Directory of its vision tokenizer, where it is not beside the weights."),
  freeGridText: z
    .boolean()
    .default(false)
    .describe(
      'Let the policy write a picture\'s "rows*columns" itself, and learn it, as in EARL; else it is given. The picture has the asked grid either way.',
    ),
  hiddenSize: z.int().min(8).max(MOST.hiddenSize).default(96).describe("Width of the residual stream."),
  layers: z.int().min(1).max(MOST.layers).default(4).describe("Decoder layers."),
  heads: z.int().min(1).max(MOST.heads).default(4).describe("Attention heads."),
  keyValueHeads: z
    .int()
    .min(1)
    .max(MOST.heads)
    .default(2)
    .describe("Key-value heads, shared by groups of attention heads."),
  intermediateSize: z.int().min(8).max(MOST.intermediateSize).default(256).describe("Width inside the MLP."),
  ropeTheta: z
    .number()
    .min(1)
    .max(MOST.ropeTheta)
    .default(200)
    .describe("Base of the rotary embedding; small suits short sequences."),
  normEpsilon: z
    .number()
    .min(LEAST_NORM_EPSILON)
    .max(1)
    .default(1e-5)
    .describe("Added to the mean square in RMSNorm."),
  embeddingStd: positive
    .max(MOST.weightStd)
    .default(2)
    .describe("Standard deviation of the token embeddings at the start."),
  weightStd: positive
    .max(MOST.weightStd)
    .default(0.1)
    .describe("Standard deviation of all other matrices at the start."),
  startFromLooks: share
    .default(0)
    .describe(
      "How much alike the start of picture tokens is where their codes look alike: the cosine of each code's embedding, and its row of the head, to a random projection of the pixels that it decodes to.",
    ),
});

export type AdapterSettings = z.infer<typeof AdapterSettings>;
export type PolicySettings = z.infer<typeof PolicySettings>;
