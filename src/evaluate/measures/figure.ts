/** What the measures of pictures have in common: a mean with a bootstrap interval, and pictures of one size. */

import { bootstrapInterval } from "../../algorithms/statistics.ts";
import type { Picture } from "../../images/picture.ts";
import { resize } from "../../images/resize.ts";
import { Rng } from "../../random.ts";
import type { Measure } from "../benchmark.ts";

/** The mean over edits with its interval. */
export const meanWithInterval: Measure["estimate"] = (values) =>
  bootstrapInterval(values, Rng.from(0, "arms/bootstrap"));

/** The edited picture at the other's size, as MagicBrush's and I2EBench's code resize it; itself where it has that size. */
export function atSizeOf(edited: Picture, { width, height }: Picture): Picture {
  return edited.width === width && edited.height === height ? edited : resize(edited, width, height);
}
