/**
 * Structural similarity (Wang et al. 2004, eq. 13) with a Gaussian window of 11 × 11 pixels and σ = 1.5, zeros around
 * the picture, channels in 0…1, its mean over pixels and channels. The window is a product of two of one dimension, so
 * each of the four moments is two short passes; everything is kept in double precision.
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

/** a, b, a² + b² and ab: the variances are only ever added. */
const MOMENTS = 4;
type Weights = [number, number, number, number, number, number];
/** The window is the same from either side: from its end to its middle. */
const HALF_WINDOW = Array.from(WINDOW.subarray(0, RADIUS + 1)) as Weights;

/** −1…1, 1 for equal pictures. Throws DataError for other sizes. */
export function structuralSimilarity(one: Picture, other: Picture): number {
  requireOneSize(one, other);
  const { width, height } = one;
  const rows = new MomentRows(one, other);
  // Moments of a row of the picture, weighed along it; the last eleven are at hand, and one of zeros for those beyond.
  const along = Array.from({ length: 2 * RADIUS + 1 }, () => rows.empty());
  const beyond = rows.empty();
  const rowAt = (y: number): Float64Array => (y < 0 || y >= height ? beyond : along[y % along.length]!);
  for (let y = 0; y < Math.min(RADIUS, height); y += 1) rows.read(y, rowAt(y));
  const mixed = rows.empty();
  let sum = 0;
  for (let y = 0; y < height; y += 1) {
    if (y + RADIUS < height) rows.read(y + RADIUS, rowAt(y + RADIUS));
    weighDown(
      mixed,
      Array.from(WINDOW, (_, at) => rowAt(y + at - RADIUS)),
    );
    sum += similaritiesIn(mixed, width * 3);
  }
  return sum / (width * height * 3);
}

/** The moments of a row, each weighed along it: [4, width · 3]. */
class MomentRows {
  readonly #one: Picture;
  readonly #other: Picture;
  /** The moments before they are weighed, with zeros on either side. */
  readonly #padded: Float64Array;
  readonly #row: number;

  constructor(one: Picture, other: Picture) {
    [this.#one, this.#other] = [one, other];
    this.#row = one.width * 3;
    this.#padded = new Float64Array(MOMENTS * (this.#row + 6 * RADIUS));
  }

  empty(): Float64Array {
    return new Float64Array(MOMENTS * this.#row);
  }

  read(y: number, into: Float64Array): void {
    const row = this.#row;
    const stride = row + 6 * RADIUS;
    const padded = this.#padded;
    const [one, other] = [this.#one.pixels, this.#other.pixels];
    for (let x = 0; x < row; x += 1) {
      const a = one[y * row + x]! / 255;
      const b = other[y * row + x]! / 255;
      const at = x + 3 * RADIUS;
      padded[at] = a;
      padded[stride + at] = b;
      padded[2 * stride + at] = a * a + b * b;
      padded[3 * stride + at] = a * b;
    }
    const [w0, w1, w2, w3, w4, w5] = HALF_WINDOW;
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const [from, to] = [moment * stride, moment * row];
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

/** Eleven rows weighed into one. */
function weighDown(into: Float64Array, rows: readonly Float64Array[]): void {
  const [w0, w1, w2, w3, w4, w5] = HALF_WINDOW;
  const [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10] = rows as [
    ...[Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array],
    ...[Float64Array, Float64Array, Float64Array, Float64Array, Float64Array],
  ];
  for (let at = 0; at < into.length; at += 1) {
    into[at] =
      w0 * (r0[at]! + r10[at]!) +
      w1 * (r1[at]! + r9[at]!) +
      w2 * (r2[at]! + r8[at]!) +
      w3 * (r3[at]! + r7[at]!) +
      w4 * (r4[at]! + r6[at]!) +
      w5 * r5[at]!;
  }
}

/** Σ of the similarity over a row. */
function similaritiesIn(moments: Float64Array, row: number): number {
  let sum = 0;
  for (let x = 0; x < row; x += 1) {
    const a = moments[x]!;
    const b = moments[row + x]!;
    const [squares, ab] = [a * a + b * b, a * b];
    const variances = moments[2 * row + x]! - squares;
    const covariance = moments[3 * row + x]! - ab;
    sum += ((2 * ab + C1) * (2 * covariance + C2)) / ((squares + C1) * (variances + C2));
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
  const nearest = (at: number, size: number, of: number): number => Math.floor(((at + 0.5) * of) / size);
  const marks = mask.pixels;
  for (let y = 0; y < height; y += 1) {
    const row = nearest(y, height, mask.height) * mask.width;
    for (let x = 0; x < width; x += 1) {
      const mark = 3 * (row + (mask.width === width ? x : nearest(x, width, mask.width)));
      if (marks[mark] === 0 && marks[mark + 1] === 0 && marks[mark + 2] === 0) continue;
      const at = 3 * (y * width + x);
      result.pixels[at] = fill;
      result.pixels[at + 1] = fill;
      result.pixels[at + 2] = fill;
    }
  }
  return result;
}
