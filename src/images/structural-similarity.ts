/**
 * Structural similarity (Wang et al. 2004, eq. 13) with a Gaussian window of 11 × 11 pixels and σ = 1.5, zeros around
 * the picture, channels in 0…1, its mean over pixels and channels. The window is a product of two of one dimension, so
 * each of the five moments is two short passes; everything is kept in double precision.
 */

import { picture, type Picture } from "./picture.ts";
import { requireOneSize } from "./picture-distance.ts";

const RADIUS = 5;
const SIGMA = 1.5;
/** (0.01 L)² and (0.03 L)² at a range L of 1. */
const C1 = 1e-4;
const C2 = 9e-4;

/** One side of the window; it sums to 1. */
const WINDOW = gaussian();

function gaussian(): Float64Array {
  const raw = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, at) =>
    Math.exp(-((at - RADIUS) ** 2) / (2 * SIGMA ** 2)),
  );
  const total = raw.reduce((sum, value) => sum + value, 0);
  return raw.map((value) => value / total);
}

/** −1…1, 1 for equal pictures. Throws DataError for other sizes. */
export function structuralSimilarity(one: Picture, other: Picture): number {
  requireOneSize(one, other);
  const { width, height } = one;
  const rows = new MomentRows(one, other);
  // Moments of a row of the picture, weighed along it; the last eleven are at hand.
  const along = Array.from({ length: 2 * RADIUS + 1 }, () => rows.empty());
  for (let y = 0; y < Math.min(RADIUS, height); y += 1) rows.read(y, along[y % along.length]!);
  const mixed = rows.empty();
  let sum = 0;
  for (let y = 0; y < height; y += 1) {
    const next = y + RADIUS;
    if (next < height) rows.read(next, along[next % along.length]!);
    mixed.fill(0);
    for (let at = Math.max(0, y - RADIUS); at <= Math.min(height - 1, next); at += 1) {
      weighed(mixed, along[at % along.length]!, WINDOW[at - y + RADIUS]!);
    }
    sum += similaritiesIn(mixed, width * 3);
  }
  return sum / (width * height * 3);
}

/** a, b, a², b² and ab of a row, each weighed along it: [5, width · 3]. */
class MomentRows {
  readonly #one: Picture;
  readonly #other: Picture;
  /** The moments before they are weighed, with zeros on either side. */
  readonly #padded: Float64Array;
  readonly #row: number;

  constructor(one: Picture, other: Picture) {
    [this.#one, this.#other] = [one, other];
    this.#row = one.width * 3;
    this.#padded = new Float64Array(5 * (this.#row + 6 * RADIUS));
  }

  empty(): Float64Array {
    return new Float64Array(5 * this.#row);
  }

  read(y: number, into: Float64Array): void {
    const row = this.#row;
    const stride = row + 6 * RADIUS;
    const padded = this.#padded;
    for (let x = 0; x < row; x += 1) {
      const a = this.#one.pixels[y * row + x]! / 255;
      const b = this.#other.pixels[y * row + x]! / 255;
      const at = x + 3 * RADIUS;
      padded[at] = a;
      padded[stride + at] = b;
      padded[2 * stride + at] = a * a;
      padded[3 * stride + at] = b * b;
      padded[4 * stride + at] = a * b;
    }
    const [w0, w1, w2, w3, w4, w5] = WINDOW as unknown as [number, number, number, number, number, number];
    for (let moment = 0; moment < 5; moment += 1) {
      const [from, to] = [moment * stride, moment * row];
      // The window is the same from either side.
      for (let x = 0; x < row; x += 1) {
        const at = from + x;
        into[to + x] =
          w0 * (padded[at]! + padded[at + 30]!) +
          w1 * (padded[at + 3]! + padded[at + 27]!) +
          w2 * (padded[at + 6]! + padded[at + 24]!) +
          w3 * (padded[at + 9]! + padded[at + 21]!) +
          w4 * (padded[at + 12]! + padded[at + 18]!) +
          w5 * padded[at + 15]!;
      }
    }
  }
}

function weighed(sum: Float64Array, row: Float64Array, weight: number): void {
  for (let at = 0; at < sum.length; at += 1) sum[at] = sum[at]! + weight * row[at]!;
}

/** Σ of the similarity over a row. */
function similaritiesIn(moments: Float64Array, row: number): number {
  let sum = 0;
  for (let x = 0; x < row; x += 1) {
    const a = moments[x]!;
    const b = moments[row + x]!;
    const [aa, bb, ab] = [a * a, b * b, a * b];
    const varianceOfA = moments[2 * row + x]! - aa;
    const varianceOfB = moments[3 * row + x]! - bb;
    const covariance = moments[4 * row + x]! - ab;
    sum += ((2 * ab + C1) * (2 * covariance + C2)) / ((aa + bb + C1) * (varianceOfA + varianceOfB + C2));
  }
  return sum;
}

/**
 * `fill` instead of whatever the mask marks: pixels of it that are not black. A mask of another size is stretched over
 * the picture, each pixel taking the mark that lies nearest.
 */
export function filledWhereMarked(source: Picture, mask: Picture, fill = 255): Picture {
  const { width, height } = source;
  const result = picture(width, height, source.pixels.slice());
  const nearest = (at: number, size: number, marks: number): number =>
    Math.floor(((at + 0.5) * marks) / size);
  for (let y = 0; y < height; y += 1) {
    const row = nearest(y, height, mask.height) * mask.width;
    for (let x = 0; x < width; x += 1) {
      const mark = 3 * (row + nearest(x, width, mask.width));
      const at = 3 * (y * width + x);
      if (mask.pixels.subarray(mark, mark + 3).some((value) => value > 0))
        result.pixels.fill(fill, at, at + 3);
    }
  }
  return result;
}
