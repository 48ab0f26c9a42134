/** Settings of the engine that runs in this process. */

import { z } from "zod";

import { rows } from "../../config/ranges.ts";

export const OnnxSettings = z.strictObject({
  device: z.enum(["cpu", "webgpu"]).default("cpu").describe("Where tensors live."),
  threads: z.int().min(0).max(1024).default(0).describe("Threads of onnxruntime; 0 uses every core."),
  microbatchTokens: z
    .int()
    .min(64)
    .max(2 ** 24)
    .default(16_384)
    .describe("Most tokens in one pass; a larger batch is accumulated."),
  generationRows: rows(1).default(128).describe("Most completions that are written at once."),
  recompute: z
    .boolean()
    .default(false)
    .describe("Compute each layer again in the backward pass, for less memory."),
});

export type OnnxSettings = z.infer<typeof OnnxSettings>;
