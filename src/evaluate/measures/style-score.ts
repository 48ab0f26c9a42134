/** I2EBench's style score: CLIP's logit of the edited picture and the style's name, as a share of the most that it takes. */

import { cosine, type PictureTextEncoder } from "../../encoders/encoder.ts";
import type { Picture } from "../../images/picture.ts";
import type { Measure } from "../benchmark.ts";
import { meanWithInterval } from "./figure.ts";

/** I2EBench's code divides by it. */
const MOST_LOGIT = 35;

/** The logit itself, logit scale × cosine. */
export async function styleLogit(
  clip: PictureTextEncoder,
  picture: Picture,
  style: string,
): Promise<number | undefined> {
  const [[seen], [said], scale] = await Promise.all([
    clip.pictures([picture]),
    clip.texts([style]),
    clip.logitScale(),
  ]);
  const likeness = cosine(seen!, said!);
  return likeness === undefined ? undefined : scale * likeness;
}

export function styleScore(clip: PictureTextEncoder): Measure {
  return {
    name: "style",
    label: "style",
    unit: "similarity",
    estimate: meanWithInterval,
    of: async ({ edit: { expected }, picture }) => {
      if (picture === undefined || expected?.style === undefined) return undefined;
      const logit = await styleLogit(clip, picture, expected.style);
      return logit === undefined ? undefined : logit / MOST_LOGIT;
    },
  };
}
