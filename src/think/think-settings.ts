/** Settings of the model that writes thoughts: those of a judge, and what a thought may be. */

import { z } from "zod";

import { judgeSettings } from "../judge/judge-settings.ts";
import { LONGEST_THOUGHT } from "../tokens/sequence.ts";

export const ThinkSettings = z.strictObject({
  ...judgeSettings,
  boxes: z
    .enum(["pixels", "thousandths"])
    .default("pixels")
    .describe(
      "How the model counts boxes: in pixels of the picture it is sent (Qwen2.5-VL), or in thousandths of its sides (Qwen3-VL, Gemini).",
    ),
  mostCharacters: z
    .int()
    .min(100)
    .max(LONGEST_THOUGHT)
    .default(1200)
    .describe("Longest thought, in characters; a longer one is asked for again."),
  showsTarget: z
    .boolean()
    .default(true)
    .describe("Show the model the edited picture too, where the dataset has one, and where the two differ."),
});
export type ThinkSettings = z.infer<typeof ThinkSettings>;
