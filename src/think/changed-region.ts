/** Where two pictures differ, as far as that can be told from their pixels. */

import type { Box } from "../data/thoughts/boxes.ts";
import type { Picture } from "../images/picture.ts";
import { resize } from "../images/resize.ts";

/** Levels of 0…255 that a cell must differ by; a picture that was only stored anew differs by less. */
const LEAST_LEVELS = 24;
const CELLS = 32;
/** A larger part of the picture says nothing about where. */
const MOST_AREA = 0.9;

/** In pixels of the first picture; undefined where nothing differs, or nearly everything does. */
export function changedRegion(source: Picture, target: Picture): Box | undefined {
  const [one, other] = [resize(source, CELLS, CELLS), resize(target, CELLS, CELLS)];
  let [left, top, right, bottom] = [CELLS, CELLS, 0, 0];
  for (let at = 0; at < one.pixels.length; at += 1) {
    if (Math.abs(one.pixels[at]! - other.pixels[at]!) < LEAST_LEVELS) continue;
    const cell = Math.floor(at / 3);
    const [x, y] = [cell % CELLS, Math.floor(cell / CELLS)];
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x + 1), Math.max(bottom, y + 1)];
  }
  if (right <= left || (right - left) * (bottom - top) > MOST_AREA * CELLS ** 2) return undefined;
  const [x, y] = [source.width / CELLS, source.height / CELLS];
  return [Math.floor(left * x), Math.floor(top * y), Math.ceil(right * x), Math.ceil(bottom * y)];
}
