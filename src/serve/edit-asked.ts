/** What the page may ask of the playground, checked before anything is opened. */

import { z } from "zod";

/** Most completions a checkpoint writes at once for somebody who watches. */
const MOST_COMPLETIONS = 16;
/** Base64 of a picture of some 20 MB. */
const LONGEST_PICTURE = 28_000_000;

export const EditAsked = z.object({
  picture: z
    .string({ error: "Give a picture." })
    .max(LONGEST_PICTURE, { error: "The picture is larger than 20 MB; give a smaller one." })
    .regex(/^data:image\/(?:png|jpeg|webp);base64,/, {
      error: "The picture must be a PNG, JPEG or WebP file.",
    }),
  instruction: z
    .string({ error: "Type an instruction." })
    .trim()
    .min(1, { error: "Type an instruction." })
    .max(4000, { error: "The instruction is longer than 4,000 characters." }),
  checkpoints: z
    .array(z.object({ run: z.string(), name: z.string() }))
    .min(1, { error: "Choose a checkpoint." })
    .max(2, { error: "At most two checkpoints are compared." }),
  completions: z
    .int()
    .min(1)
    .max(MOST_COMPLETIONS, { error: `At most ${MOST_COMPLETIONS} completions.` }),
  temperature: z.number().min(0).max(10),
  seed: z.int().min(0),
});
export type EditAsked = z.infer<typeof EditAsked>;
