/** How far two pictures of the same size are apart. */

import { DataError } from "../errors.ts";
import type { Picture } from "./picture.ts";

export function isSamePicture(a: Picture, b: Picture): boolean {
  return a.width === b.width && a.height === b.height && Buffer.compare(a.pixels, b.pixels) === 0;
}

/** Mean of |a − b| over all pixels and channels, 0…255. Throws DataError for different sizes. */
export function meanAbsoluteDifference(a: Picture, b: Picture): number {
  requireSameSize(a, b);
  return meanOver(a, b, Math.abs);
}

/** Mean of (a − b)² over all pixels and channels, 0…65025. Throws DataError for different sizes. */
export function meanSquaredDifference(a: Picture, b: Picture): number {
  requireSameSize(a, b);
  return meanOver(a, b, (difference) => difference * difference);
}

/** Peak signal-to-noise ratio in decibels, 10 · log₁₀(255² / MSE); Infinity for equal pictures. */
export function psnr(a: Picture, b: Picture): number {
  return 10 * Math.log10(255 ** 2 / meanSquaredDifference(a, b));
}

function meanOver(a: Picture, b: Picture, of: (difference: number) => number): number {
  let sum = 0;
  for (let index = 0; index < a.pixels.length; index += 1) {
    sum += of((a.pixels[index] ?? 0) - (b.pixels[index] ?? 0));
  }
  return sum / a.pixels.length;
}

function requireSameSize(a: Picture, b: Picture): void {
  if (a.width === b.width && a.height === b.height) return;
  throw new DataError(
    `A picture of ${a.width} × ${a.height} cannot be compared with one of ${b.width} × ${b.height}.`,
    { hint: "Resize one to the other's size first." },
  );
}
