/** Cosines between an edited picture and words: MagicBrush's CLIP-T, EmuEdit's CLIPout. */

import { cosine, type PictureTextEncoder } from "../../encoders/encoder.ts";
import type { Measure, MeasuredEdit } from "../benchmark.ts";
import { meanWithInterval } from "./figure.ts";

interface Words {
  readonly name: string;
  readonly label: string;
  readonly of: (edit: MeasuredEdit) => string | undefined;
}

function textLikeness(clip: PictureTextEncoder, { name, label, of }: Words): Measure {
  return {
    name,
    label,
    unit: "similarity",
    range: [-1, 1],
    estimate: meanWithInterval,
    of: async ({ edit, picture }) => {
      const words = of(edit);
      if (picture === undefined || words === undefined) return undefined;
      const [[seen], [said]] = await Promise.all([clip.pictures([picture]), clip.texts([words])]);
      return cosine(seen!, said!);
    },
  };
}

/** MagicBrush: the edited picture and what the target's caption says of the edit. */
export const clipT = (clip: PictureTextEncoder): Measure =>
  textLikeness(clip, { name: "clip_t", label: "CLIP-T", of: ({ captions }) => captions?.local });

/** EmuEdit: the edited picture and the target's caption. */
export const clipOut = (clip: PictureTextEncoder): Measure =>
  textLikeness(clip, { name: "clip_out", label: "CLIPout", of: ({ captions }) => captions?.target });

/** CLIP-T of the target itself: what a perfect edit scores. */
export const clipTOracle = (clip: PictureTextEncoder): Measure => {
  const measure = textLikeness(clip, {
    name: "clip_t_oracle",
    label: "CLIP-T of target",
    of: ({ captions }) => captions?.local,
  });
  return {
    ...measure,
    of: ({ picture: _edited, ...written }) => {
      const { target } = written.edit;
      return measure.of(target === undefined ? written : { ...written, picture: target });
    },
  };
};
