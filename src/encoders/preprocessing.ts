/**
 * What a picture goes through before a vision tower sees it, as torchvision does it with Pillow pictures: the shorter
 * side resized (bicubic), the middle cut out, channels normalised.
 */

import { roundHalfEven, resize } from "../images/resize.ts";
import { picture, type Picture } from "../images/picture.ts";

export interface Preprocessing {
  /** What the shorter side becomes, or both sides where they are given; left alone where undefined. */
  readonly resize: number | { readonly width: number; readonly height: number } | undefined;
  /** Side of the square that is cut out of the middle; nothing is where undefined. */
  readonly crop: number | undefined;
  /** Pixels of 0…255 are multiplied with it. */
  readonly scale: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** The picture as the tower sees it, before its numbers are scaled. */
export function framed(source: Picture, rule: Preprocessing): Picture {
  const sized = resized(source, rule.resize);
  return rule.crop === undefined ? sized : middleOf(sized, rule.crop);
}

/** [3, height, width], written to `into` from `start` on. */
export function writeNormalized(
  { pixels }: Picture,
  rule: Preprocessing,
  into: Float32Array,
  start: number,
): void {
  const plane = pixels.length / 3;
  for (let channel = 0; channel < 3; channel += 1) {
    const seen = seenLevels(rule, channel);
    const at = start + channel * plane;
    for (let index = 0; index < plane; index += 1) into[at + index] = seen[pixels[3 * index + channel]!]!;
  }
}

/**
 * What each level of a channel, 0…255, becomes. Every step is rounded to float32, as torch does it: deep models make
 * much of the last digit.
 */
function seenLevels({ scale, mean, std }: Preprocessing, channel: number): Float32Array {
  const [middle, spread] = [Math.fround(mean[channel]!), Math.fround(std[channel]!)];
  return Float32Array.from({ length: 256 }, (_, level) => {
    const centred = Math.fround(Math.fround(level * scale) - middle);
    return centred / spread;
  });
}

function resized(source: Picture, wanted: Preprocessing["resize"]): Picture {
  if (wanted === undefined) return source;
  if (typeof wanted === "object") return resize(source, wanted.width, wanted.height);
  const { width, height } = source;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  if (short === wanted) return source;
  // Cut, not rounded.
  const longer = Math.trunc((wanted * long) / short);
  return width <= height ? resize(source, wanted, longer) : resize(source, longer, wanted);
}

/** A square from the middle; what the picture does not have is black. */
function middleOf(source: Picture, side: number): Picture {
  const { width, height } = source;
  if (width === side && height === side) return source;
  const [left, top] = [startOf(width, side), startOf(height, side)];
  const result = picture(side, side);
  const [from, to] = [Math.max(0, left), Math.min(width, left + side)];
  for (let y = Math.max(0, top); y < Math.min(height, top + side); y += 1) {
    const row = source.pixels.subarray((y * width + from) * 3, (y * width + to) * 3);
    result.pixels.set(row, ((y - top) * side + from - left) * 3);
  }
  return result;
}

/** Half of what is over is cut off before, rounded half to even; of what is missing, the smaller half comes before. */
function startOf(size: number, side: number): number {
  return size >= side ? roundHalfEven((size - side) / 2) : -Math.floor((side - size) / 2);
}
