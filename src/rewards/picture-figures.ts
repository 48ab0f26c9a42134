/** Figures of edited pictures that need no judge: what a policy does to them while it learns to please one. */

import type { Picture } from "../images/picture.ts";

/** An edit as far as its pictures go. */
export interface EditedPair {
  readonly source: Picture;
  readonly edited: Picture;
}

/** True where every pixel is the source's. */
export function isUnchanged({ source, edited }: EditedPair): boolean {
  return isSameSize(source, edited) && Buffer.compare(source.pixels, edited.pixels) === 0;
}

/** Mean of |edited − source| over pixels and channels, 0…255; undefined where their sizes differ. */
export function distanceToSource({ source, edited }: EditedPair): number | undefined {
  if (!isSameSize(source, edited)) return undefined;
  let sum = 0;
  for (const [index, level] of edited.pixels.entries()) sum += Math.abs(level - source.pixels[index]!);
  return sum / edited.pixels.length;
}

/** Variance of the levels within each channel, averaged over the channels; 0 for one flat colour. */
export function colourVariance({ pixels }: Picture): number {
  let variance = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    let [sum, squares] = [0, 0];
    for (let index = channel; index < pixels.length; index += 3) {
      sum += pixels[index]!;
      squares += pixels[index]! ** 2;
    }
    const count = pixels.length / 3;
    variance += squares / count - (sum / count) ** 2;
  }
  // Rounding may leave a little less than nothing.
  return Math.max(0, variance / 3);
}

/** Variance of the edited picture's colours as a share of the source's; undefined where the source is one flat colour. */
export function varianceRatio({ source, edited }: EditedPair): number | undefined {
  const before = colourVariance(source);
  return before === 0 ? undefined : colourVariance(edited) / before;
}

function isSameSize(one: Picture, other: Picture): boolean {
  return one.width === other.width && one.height === other.height;
}
