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
  readonly weights: readonly number[];
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

function resizeRows(source: Picture, width: number): Picture {
  const result = picture(width, source.height);
  for (const [x, { start, weights }] of windows(source.width, width).entries()) {
    for (let y = 0; y < source.height; y += 1) {
      const from = (y * source.width + start) * 3;
      for (let channel = 0; channel < 3; channel += 1) {
        result.pixels[(y * width + x) * 3 + channel] = weigh(source.pixels, from + channel, 3, weights);
      }
    }
  }
  return result;
}

function resizeColumns(source: Picture, height: number): Picture {
  const result = picture(source.width, height);
  const stride = source.width * 3;
  for (const [y, { start, weights }] of windows(source.height, height).entries()) {
    for (let x = 0; x < stride; x += 1) {
      result.pixels[y * stride + x] = weigh(source.pixels, start * stride + x, stride, weights);
    }
  }
  return result;
}

/** The weighted sum of pixels `step` apart, rounded and cut to 0…255. */
function weigh(pixels: Uint8Array, from: number, step: number, weights: readonly number[]): number {
  let sum = 2 ** (PRECISION_BITS - 1);
  let at = from;
  for (const weight of weights) {
    sum += (pixels[at] ?? 0) * weight;
    at += step;
  }
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
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
    return { start, weights: raw.map((weight) => fixedPoint(total === 0 ? weight : weight / total)) };
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
