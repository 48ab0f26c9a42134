/** How much warmer an edit made its picture, 0…1: the mean of red less blue, before and after. */

import type { DecodedEdit } from "earl";

const warmthOf = ({ pixels }: DecodedEdit["source"]): number =>
  pixels.reduce((sum, level, index) => sum + [level, 0, -level][index % 3]!, 0) / (pixels.length / 3);

export const range = [0, 1];
export const warmth = ({ source, edited }: DecodedEdit): number =>
  0.5 + (warmthOf(edited) - warmthOf(source)) / 1020;
