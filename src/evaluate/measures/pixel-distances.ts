/** Distances of pixels: MagicBrush's L1 and L2 to the target, EmuEdit's L1 to the source, MSE and PSNR. */

import type { Picture } from "../../images/picture.ts";
import { meanAbsoluteError, meanSquaredError, peakSignalToNoise } from "../../images/picture-distance.ts";
import type { Measure, WrittenEdit } from "../benchmark.ts";
import { atSizeOf, meanWithInterval } from "./figure.ts";

/** Of equal pictures, whose true value no mean survives. */
const MOST_DECIBELS = 100;

type Compared = (edited: Picture, other: Picture) => number;

function between(side: "source" | "target", compare: Compared): Measure["of"] {
  return ({ edit, picture }: WrittenEdit) => {
    const other = edit[side];
    if (picture === undefined || other === undefined) return undefined;
    return compare(atSizeOf(picture, other), other);
  };
}

const DISTANCE = { unit: "distance", range: [0, 1], estimate: meanWithInterval } as const;

/** Mean |edited − target|, channels in 0…1. */
export const L1: Measure = {
  ...DISTANCE,
  name: "l1",
  label: "L1",
  of: between("target", meanAbsoluteError),
};

/** Mean (edited − target)², channels in 0…1: MagicBrush calls it L2, others MSE. */
export const L2: Measure = {
  ...DISTANCE,
  name: "l2",
  label: "L2",
  of: between("target", meanSquaredError),
};

/** The same under its other name. */
export const MSE: Measure = { ...L2, name: "mse", label: "MSE" };

/** Mean |edited − source|, channels in 0…1. */
export const L1_TO_SOURCE: Measure = {
  ...DISTANCE,
  name: "l1_source",
  label: "L1 to source",
  of: between("source", meanAbsoluteError),
};

/** Peak signal-to-noise ratio to the target, in decibels, at most 100. */
export const PSNR: Measure = {
  name: "psnr",
  label: "PSNR",
  unit: "dB",
  range: [0, MOST_DECIBELS],
  of: between("target", (edited, target) => Math.min(MOST_DECIBELS, peakSignalToNoise(edited, target))),
  estimate: meanWithInterval,
};
