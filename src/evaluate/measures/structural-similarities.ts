/** I2EBench's similarities: to the target, and to the source outside the region that the mask marks. */

import { structuralSimilarity, filledWhereMarked } from "../../images/structural-similarity.ts";
import type { Measure } from "../benchmark.ts";
import { atSizeOf, meanWithInterval } from "./figure.ts";

const SIMILARITY = { unit: "similarity", range: [-1, 1], estimate: meanWithInterval } as const;

/** Structural similarity to the target. */
export const SSIM: Measure = {
  ...SIMILARITY,
  name: "ssim",
  label: "SSIM",
  of: ({ edit: { target }, picture }) =>
    picture === undefined || target === undefined
      ? undefined
      : structuralSimilarity(atSizeOf(picture, target), target),
};

/** Structural similarity to the source when the marked region has one colour (`fill`, white unless given) in both. */
export function regionSimilarity(fill = 255): Measure {
  return {
    ...SIMILARITY,
    name: "region_ssim",
    label: "region SSIM",
    of: ({ edit: { source, mask }, picture }) =>
      picture === undefined || mask === undefined
        ? undefined
        : structuralSimilarity(
            filledWhereMarked(atSizeOf(picture, source), mask, fill),
            filledWhereMarked(source, mask, fill),
          ),
  };
}
