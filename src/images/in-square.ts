/** Pictures of many shapes in squares of one size, to be shown side by side. */

import { picture, type Picture } from "./picture.ts";
import { resize } from "./resize.ts";

/** The picture at the top left of a black square, as large as fits; `scale` is square's pixels a pixel of the picture. */
export function inSquare(
  source: Picture,
  side: number,
): { readonly square: Picture; readonly scale: number } {
  const scale = side / Math.max(source.width, source.height);
  const [width, height] = [source.width, source.height].map((one) => Math.max(1, Math.round(one * scale)));
  const small = resize(source, width!, height!);
  const square = picture(side, side);
  for (let y = 0; y < small.height; y += 1) {
    square.pixels.set(small.pixels.subarray(3 * y * small.width, 3 * (y + 1) * small.width), 3 * y * side);
  }
  return { square, scale };
}
