/**
 * Structural similarity (Wang et al. 2004, eq. 13) with a Gaussian window of 11 × 11 pixels and σ = 1.5, zeros around
 * the picture, channels in 0…1, its mean over pixels and channels. The window is a product of two of one dimension, so
 * each of the four moments is two short passes; everything is kept in double precision.
 */

import { WINDOW_RADIUS as RADIUS, weigh, windowMemory } from "./gaussian-window.ts";
import { picture, type Picture } from "./picture.ts";
import { requireOneSize } from "./picture-distance.ts";

/** (0.01 L)² and (0.03 L)² at a range L of 1. */
const C1 = 1e-4;
const C2 = 9e-4;

/** a, b, a² + b² and ab: the variances are only ever added. */
const MOMENTS = 4;
const CHANNELS = 3;
const WINDOW = 2 * RADIUS + 1;
/** Places in the memory before the eleven rows. */
const [ZEROS, RESULT, BEFORE] = [2, 3, 4];

/** −1…1, 1 for equal pictures. Throws DataError for other sizes. */
export function structuralSimilarity(one: Picture, other: Picture): number {
  requireOneSize(one, other);
  const { width, height } = one;
  const rows = new MomentRows(one, other);
  let sum = 0;
  for (let y = 0; y < Math.min(RADIUS, height); y += 1) rows.read(y);
  for (let y = 0; y < height; y += 1) {
    if (y + RADIUS < height) rows.read(y + RADIUS);
    sum += rows.similarities(y);
  }
  return sum / (width * height * CHANNELS);
}

/**
 * Rows of moments, [4, stride]. A row as read has five pixels of zeros before and behind each moment; weighed along, it
 * has the results first, and numbers that nobody asks for in the rest of the stride. The window's memory holds places
 * for rows: one as read, two of zeros (what the window reaches into behind it, and what lies above and below the
 * picture), the result, and the last eleven rows, weighed along.
 */
class MomentRows {
  readonly #one: Picture;
  readonly #other: Picture;
  readonly #values: number;
  /** From a moment's row to the next one's. */
  readonly #stride: number;
  readonly #row: number;
  readonly #memory: Float64Array;

  constructor(one: Picture, other: Picture) {
    [this.#one, this.#other] = [one, other];
    this.#values = one.width * CHANNELS;
    this.#stride = this.#values + 2 * RADIUS * CHANNELS;
    this.#row = MOMENTS * this.#stride;
    this.#memory = windowMemory((BEFORE + WINDOW) * this.#row);
    this.#memory.fill(0, 0, RESULT * this.#row);
  }

  /** Where row `y` lies when it is weighed along; zeros where the picture has no such row. */
  #placeOf(y: number): number {
    return y < 0 || y >= this.#one.height ? ZEROS * this.#row : (BEFORE + (y % WINDOW)) * this.#row;
  }

  /** Weighs row `y` of the pictures' moments along. */
  read(y: number): void {
    const [values, stride, memory] = [this.#values, this.#stride, this.#memory];
    const [one, other] = [this.#one.pixels, this.#other.pixels];
    for (let x = 0; x < values; x += 1) {
      const a = one[y * values + x]! / 255;
      const b = other[y * values + x]! / 255;
      const at = x + RADIUS * CHANNELS;
      memory[at] = a;
      memory[stride + at] = b;
      memory[2 * stride + at] = a * a + b * b;
      memory[3 * stride + at] = a * b;
    }
    const from = Array.from({ length: WINDOW }, (_, at) => at * CHANNELS);
    weigh(this.#placeOf(y), this.#row, from);
  }

  /** Weighs the rows around `y` down, and sums the similarities along it. */
  similarities(y: number): number {
    const result = RESULT * this.#row;
    const from = Array.from({ length: WINDOW }, (_, at) => this.#placeOf(y + at - RADIUS));
    weigh(result, this.#row, from);
    const [moments, stride] = [this.#memory, this.#stride];
    let sum = 0;
    for (let x = result; x < result + this.#values; x += 1) {
      const a = moments[x]!;
      const b = moments[stride + x]!;
      const [squares, ab] = [a * a + b * b, a * b];
      const variances = moments[2 * stride + x]! - squares;
      const covariance = moments[3 * stride + x]! - ab;
      sum += ((2 * ab + C1) * (2 * covariance + C2)) / ((squares + C1) * (variances + C2));
    }
    return sum;
  }
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
