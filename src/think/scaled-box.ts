/** Boxes of one picture in the pixels of another size of it. */

import type { Box } from "../data/thoughts/boxes.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whole pixels around the box; at least one of them each way, and none beyond the sides. */
export function scaledBox([left, top, right, bottom]: Box, from: Size, to: Size): Box {
  const along = (low: number, high: number, was: number, is: number): [number, number] => {
    const start = Math.min(is - 1, Math.max(0, Math.round((low * is) / was)));
    return [start, Math.min(is, Math.max(start + 1, Math.round((high * is) / was)))];
  };
  const [x1, x2] = along(left, right, from.width, to.width);
  const [y1, y2] = along(top, bottom, from.height, to.height);
  return [x1, y1, x2, y2];
}
