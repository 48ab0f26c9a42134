/**
 * EmuEdit's CLIPdir (Gal et al. 2021, eq. 3): does the picture change in the direction in which the captions do?
 * Vectors have length 1 before they are subtracted, as the published evaluations have them.
 */

import { cosine, unit, type PictureTextEncoder } from "../../encoders/encoder.ts";
import type { Measure } from "../benchmark.ts";
import { meanWithInterval } from "./figure.ts";

/** Undefined where nothing changes: equal captions or equal pictures have no direction. */
export function clipDirection(clip: PictureTextEncoder): Measure {
  return {
    name: "clip_dir",
    label: "CLIPdir",
    unit: "similarity",
    range: [-1, 1],
    estimate: meanWithInterval,
    of: async ({ edit: { source, captions }, picture }) => {
      if (picture === undefined || captions?.source === undefined || captions.target === undefined) {
        return undefined;
      }
      const [[before, after], [saidBefore, saidAfter]] = await Promise.all([
        clip.pictures([source, picture]),
        clip.texts([captions.source, captions.target]),
      ]);
      return cosine(between(before!, after!), between(saidBefore!, saidAfter!));
    },
  };
}

function between(from: Float32Array, to: Float32Array): Float64Array {
  const [start, end] = [unit(from), unit(to)];
  return end.map((value, at) => value - start[at]!);
}
