/**
 * Bicubic resizing that equals Pillow's `Image.resize` byte for byte: the cubic kernel with a = −0.5, widened when
 * shrinking, weights in fixed point, one pass along rows and then one along columns, each rounded to 8 bits.
 */

import { DataError } from "../errors.ts";
import { picture, type Picture } from "./picture.ts";

/** Bits behind the point of a weight: 32 less 8 for the pixel and 2 of headroom, as in Pillow. */
const PRECISION_BITS = 22;
const CUBIC_SUPPORT = 2;
const CUBIC_A = -0.5;

/** What one output pixel is made of, along one axis. */
interface Window {
  /** First input pixel. */
  readonly start: number;
  /** Weights of the pixels from `start` on, in units of 2^−22. */
  readonly weights: Int32Array;
}

/**
 * The size EARL gives a picture: the same shape at the wanted area (in pixels), each side rounded half to even.
 * Throws DataError where a side would vanish.
 */
export function resizedSize(width: number, height: number, area: number): { width: number; height: number } {
  const ratio = Math.sqrt(area / (height * width));
  const size = { width: roundHalfEven(width * ratio), height: roundHalfEven(height * ratio) };
  if (size.width < 1 || size.height < 1) {
    throw new DataError(`A ${width} × ${height} picture has no shape at an area of ${area} pixels.`, {
      hint: "Crop it, or choose a larger area.",
    });
  }
  return size;
}

/** The picture at another size, as Pillow's `resize((width, height))` gives it. */
export function resize(source: Picture, width: number, height: number): Picture {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new DataError(`A picture cannot be resized to ${width} × ${height}.`);
  }
  const wide = width === source.width ? source : resizeRows(source, width);
  return height === wide.height ? wide : resizeColumns(wide, height);
}

const HALF = 2 ** (PRECISION_BITS - 1);

function resizeRows(source: Picture, width: number): Picture {
  const { pixels } = source;
  const result = picture(width, source.height);
  const into = result.pixels;
  const all = windows(source.width, width);
  let to = 0;
  for (let y = 0; y < source.height; y += 1) {
    const row = y * source.width;
    for (let x = 0; x < width; x += 1) {
      const { start, weights } = all[x]!;
      let at = (row + start) * 3;
      // Sums stay within 32 bits: weights of a window are at most 1.3 together.
      let [red, green, blue] = [HALF, HALF, HALF];
      for (let index = 0; index < weights.length; index += 1) {
        const weight = weights[index]!;
        red = (red + pixels[at]! * weight) | 0;
        green = (green + pixels[at + 1]! * weight) | 0;
        blue = (blue + pixels[at + 2]! * weight) | 0;
        at += 3;
      }
      into[to] = cut(red);
      into[to + 1] = cut(green);
      into[to + 2] = cut(blue);
      to += 3;
    }
  }
  return result;
}

function resizeColumns(source: Picture, height: number): Picture {
  const { pixels } = source;
  const result = picture(source.width, height);
  const into = result.pixels;
  const stride = source.width * 3;
  const sums = new Int32Array(stride);
  for (const [y, { start, weights }] of windows(source.height, height).entries()) {
    sums.fill(HALF);
    for (let index = 0; index < weights.length; index += 1) {
      const weight = weights[index]!;
      const row = (start + index) * stride;
      for (let x = 0; x < stride; x += 1) sums[x] = sums[x]! + pixels[row + x]! * weight;
    }
    const to = y * stride;
    for (let x = 0; x < stride; x += 1) into[to + x] = cut(sums[x]!);
  }
  return result;
}

/** A sum in units of 2^−22 as a pixel. */
function cut(sum: number): number {
  const value = sum >> PRECISION_BITS;
  if (value < 0) return 0;
  return value > 255 ? 255 : value;
}

function windows(inputSize: number, outputSize: number): Window[] {
  const scale = inputSize / outputSize;
  // Shrinking widens the kernel, so that every input pixel counts.
  const stretch = Math.max(scale, 1);
  const support = CUBIC_SUPPORT * stretch;
  return Array.from({ length: outputSize }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - start }, (__, offset) =>
      cubic((start + offset - centre + 0.5) * (1 / stretch)),
    );
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return {
      start,
      weights: Int32Array.from(raw, (weight) => fixedPoint(total === 0 ? weight : weight / total)),
    };
  });
}

/** Keys' cubic convolution kernel (1981, eq. 15). */
function cubic(distance: number): number {
  const x = Math.abs(distance);
  if (x < 1) return ((CUBIC_A + 2) * x - (CUBIC_A + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * CUBIC_A;
  return 0;
}

/** Rounds half away from zero, as C does by adding ±0.5 and truncating. */
function fixedPoint(weight: number): number {
  return Math.trunc(weight * 2 ** PRECISION_BITS + (weight < 0 ? -0.5 : 0.5));
}

/** Python's `round`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
