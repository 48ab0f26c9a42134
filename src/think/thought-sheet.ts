/** Thoughts to look at: source pictures with their boxes drawn in, each beside its target. */

import type { Box } from "../data/thoughts/boxes.ts";
import { contactSheet } from "../images/contact-sheet.ts";
import { inSquare } from "../images/in-square.ts";
import { picture, type Picture } from "../images/picture.ts";
import { scaledBox } from "./scaled-box.ts";

export interface ShownThought {
  readonly source: Picture;
  readonly target?: Picture | undefined;
  /** In pixels of the source. */
  readonly boxes: readonly Box[];
}

/** Side of the square that a picture is shown in, in pixels. */
const SIDE = 256;
const COLOURS = [
  [255, 0, 90],
  [0, 170, 255],
  [255, 160, 0],
  [0, 200, 80],
] as const;
const LINE = 3;

export function thoughtSheet(thoughts: readonly ShownThought[]): Picture {
  const pictures = thoughts.flatMap(({ source, target, boxes }) => {
    const { square, scale } = inSquare(source, SIDE);
    const shown = { width: source.width * scale, height: source.height * scale };
    for (const [index, box] of boxes.entries()) {
      outline(square, scaledBox(box, source, shown), COLOURS[index % COLOURS.length]!);
    }
    return [square, target === undefined ? picture(SIDE, SIDE) : inSquare(target, SIDE).square];
  });
  return contactSheet(pictures, { columns: 2, gap: 6 });
}

function outline(square: Picture, [left, top, right, bottom]: Box, colour: readonly number[]): void {
  for (let y = top; y < bottom; y += 1) {
    for (let x = left; x < right; x += 1) {
      const isEdge = x < left + LINE || x >= right - LINE || y < top + LINE || y >= bottom - LINE;
      if (isEdge) square.pixels.set(colour, 3 * (y * square.width + x));
    }
  }
}
