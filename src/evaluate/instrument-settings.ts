/** What measures are taken with. Whatever is not named here is not measured, and said. */

import { z } from "zod";

import { path } from "../config/ranges.ts";
import { JudgeSettings } from "../judge/judge-settings.ts";

export const InstrumentSettings = z.strictObject({
  clip: path
    .optional()
    .describe(
      "CLIP as transformers saves it, a folder or a name on the hub: for CLIP-I, CLIP-T, CLIPdir, CLIPim, CLIPout and style.",
    ),
  dino: path
    .optional()
    .describe("A ViT that DINO trained, a folder or a name on the hub: for DINO and DINO to source."),
  questions: JudgeSettings.optional().describe(
    "Vision-language model that answers I2EBench's questions and says which answers are right.",
  ),
});
export type InstrumentSettings = z.infer<typeof InstrumentSettings>;
