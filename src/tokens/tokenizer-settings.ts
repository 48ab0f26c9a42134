/** Settings of the tokenizers that a fresh policy is given. */

import { z } from "zod";

export const TokenizerSettings = z.strictObject({
  patchSize: z.int().min(2).max(256).default(8).describe("Side of a codebook patch, in pixels."),
  codebookSize: z.int().min(2).max(32_768).default(256).describe("Most entries the patch codebook may have."),
  padInstructions: z
    .boolean()
    .default(true)
    .describe(
      "Fill instructions up with pad to the longest one seen, so that source and target lie at one distance: a fresh policy then learns to copy in half the steps. Emu3 itself does not.",
    ),
  textMerges: z
    .int()
    .min(0)
    .max(150_000)
    .default(256)
    .describe("Byte-pair merges learned from the instructions; 0 keeps plain bytes."),
});

export type TokenizerSettings = z.infer<typeof TokenizerSettings>;
