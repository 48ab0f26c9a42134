/** Many small pictures on one: a grid, each pixel enlarged to a square so that small pictures can be judged. */

import { DataError } from "../errors.ts";
import { picture, type Picture } from "./picture.ts";

export interface ContactSheetLayout {
  /** Pictures in a row. */
  readonly columns: number;
  /** Pixels that each pixel becomes, along each side; default 1. */
  readonly scale?: number;
  /** Pixels around and between pictures; default 4. */
  readonly gap?: number;
  /** RGB of what lies between; default white. */
  readonly background?: readonly [number, number, number];
}

/** The picture with each pixel as a square of `scale` × `scale`. */
export function enlarge(source: Picture, scale: number): Picture {
  const sheet = picture(source.width * scale, source.height * scale);
  paste(sheet, source, { x: 0, y: 0, scale });
  return sheet;
}

/** Pictures in reading order. Throws DataError where there are none or their sizes differ. */
export function contactSheet(pictures: readonly Picture[], layout: ContactSheetLayout): Picture {
  const { columns, scale = 1, gap = 4, background = [255, 255, 255] } = layout;
  const first = pictures[0];
  if (first === undefined) throw new DataError("A contact sheet needs at least one picture.");
  const odd = pictures.find((one) => one.width !== first.width || one.height !== first.height);
  if (odd !== undefined) {
    throw new DataError(
      `A contact sheet needs pictures of one size, got ${first.width} × ${first.height} and ${odd.width} × ${odd.height}.`,
    );
  }
  const [cellWidth, cellHeight] = [first.width * scale + gap, first.height * scale + gap];
  const sheet = picture(
    Math.min(columns, pictures.length) * cellWidth + gap,
    Math.ceil(pictures.length / columns) * cellHeight + gap,
  );
  for (let index = 0; index < sheet.pixels.length; index += 3) sheet.pixels.set(background, index);
  for (const [index, one] of pictures.entries()) {
    const x = gap + (index % columns) * cellWidth;
    const y = gap + Math.floor(index / columns) * cellHeight;
    paste(sheet, one, { x, y, scale });
  }
  return sheet;
}

function paste(sheet: Picture, source: Picture, at: { x: number; y: number; scale: number }): void {
  const { x: left, y: top, scale } = at;
  const width = source.width * scale;
  for (let y = 0; y < source.height * scale; y += 1) {
    const from = Math.floor(y / scale) * source.width;
    for (let x = 0; x < width; x += 1) {
      const pixel = (from + Math.floor(x / scale)) * 3;
      sheet.pixels.set(source.pixels.subarray(pixel, pixel + 3), ((top + y) * sheet.width + left + x) * 3);
    }
  }
}
