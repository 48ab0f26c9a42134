/** Cosines between what an encoder sees in two pictures: CLIP-I and DINO to the target, CLIPim and DINO to the source. */

import { cosine, type PictureEncoder } from "../../encoders/encoder.ts";
import type { Measure } from "../benchmark.ts";
import { meanWithInterval } from "./figure.ts";

function likeness(name: string, label: string, encoder: PictureEncoder, side: "source" | "target"): Measure {
  return {
    name,
    label,
    unit: "similarity",
    range: [-1, 1],
    estimate: meanWithInterval,
    of: async ({ edit, picture }) => {
      const other = edit[side];
      if (picture === undefined || other === undefined) return undefined;
      const [one, two] = await encoder.pictures([picture, other]);
      return cosine(one!, two!);
    },
  };
}

/** MagicBrush: CLIP of the edited picture and the target. */
export const clipI = (clip: PictureEncoder): Measure => likeness("clip_i", "CLIP-I", clip, "target");

/** EmuEdit: CLIP of the edited picture and the source. */
export const clipIm = (clip: PictureEncoder): Measure => likeness("clip_im", "CLIPim", clip, "source");

/** MagicBrush: DINO of the edited picture and the target. */
export const dinoToTarget = (dino: PictureEncoder): Measure => likeness("dino", "DINO", dino, "target");

/** EmuEdit: DINO of the edited picture and the source. */
export const dinoToSource = (dino: PictureEncoder): Measure =>
  likeness("dino_source", "DINO to source", dino, "source");
