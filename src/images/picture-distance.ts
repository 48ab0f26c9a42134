/** How far two pictures of one size are apart, pixel by pixel. Channels are counted in 0…1. */

import { DataError } from "../errors.ts";
import type { Picture } from "./picture.ts";

/** Mean of |one − other| over pixels and channels, 0…1. Throws DataError for other sizes. */
export function meanAbsoluteError(one: Picture, other: Picture): number {
  requireOneSize(one, other);
  let sum = 0;
  for (let at = 0; at < one.pixels.length; at += 1) sum += Math.abs(one.pixels[at]! - other.pixels[at]!);
  return sum / 255 / one.pixels.length;
}

/** Mean of (one − other)² over pixels and channels, 0…1. Throws DataError for other sizes. */
export function meanSquaredError(one: Picture, other: Picture): number {
  requireOneSize(one, other);
  let sum = 0;
  for (let at = 0; at < one.pixels.length; at += 1) sum += (one.pixels[at]! - other.pixels[at]!) ** 2;
  return sum / 255 ** 2 / one.pixels.length;
}

/**
 * Peak signal-to-noise ratio in decibels: 10 log₁₀(1 / MSE), infinite for equal pictures. Throws DataError for other
 * sizes.
 */
export function peakSignalToNoise(one: Picture, other: Picture): number {
  return -10 * Math.log10(meanSquaredError(one, other));
}

/** Throws DataError that names both sizes where they differ. */
export function requireOneSize(one: Picture, other: Picture): void {
  if (one.width === other.width && one.height === other.height) return;
  throw new DataError(
    `A ${one.width} × ${one.height} picture cannot be compared with one of ${other.width} × ${other.height}, pixel by pixel.`,
    { hint: "Resize one to the other's size." },
  );
}
