/**
 * What tells whether two pictures are nearly the same one: stored anew, at another size or quality, slightly recoloured.
 * A perceptual hash finds candidates fast (pHash: Zauner 2010, section 3.2.1); small thumbnails decide.
 */

import { picture, type Picture } from "./picture.ts";
import { resize } from "./resize.ts";

/** Frequencies of the hash along each side, from 1 on: the 0th ones say how bright a picture is, not what it shows. */
const FREQUENCIES = 8;
/** Coefficients that are no further above the median than this (in levels of 0…255) are no bits: noise in flat areas. */
const LEAST_STEP = 0.5;
/** Side of what is transformed. */
const HASH_SIDE = 32;
const CELLS = 16;
/** Both are made of this. */
const THUMBNAIL = 64;

/** 64 bits, as two unsigned numbers of 32. */
export type PictureHash = readonly [number, number];

export interface Likeness {
  readonly hash: PictureHash;
  /** RGB means of a grid of 16 × 16 cells, row by row. */
  readonly cells: Uint8Array;
}

export function likenessOf(source: Picture): Likeness {
  const thumbnail = resize(source, THUMBNAIL, THUMBNAIL);
  return { hash: hashOf(thumbnail), cells: boxes(thumbnail, CELLS, CELLS).pixels };
}

/** cos((2x + 1) k π / 2N) by frequency k and place x. */
const COSINES = Array.from({ length: FREQUENCIES }, (_, frequency) =>
  Float64Array.from({ length: HASH_SIDE }, (__, place) =>
    Math.cos(((2 * place + 1) * (frequency + 1) * Math.PI) / (2 * HASH_SIDE)),
  ),
);

/** Which of the 8 × 8 lowest frequencies of the brightness (DCT-II) lie above their median. */
function hashOf(thumbnail: Picture): PictureHash {
  const { pixels } = boxes(thumbnail, HASH_SIDE, HASH_SIDE);
  const luma = Float64Array.from({ length: HASH_SIDE ** 2 }, (_, at) => {
    const [red, green, blue] = pixels.subarray(3 * at, 3 * at + 3);
    return 0.299 * red! + 0.587 * green! + 0.114 * blue!;
  });
  const along = (cosines: Float64Array, valueAt: (place: number) => number): number =>
    cosines.reduce((sum, cosine, place) => sum + cosine * valueAt(place), 0) / (HASH_SIDE / 2);
  // [frequency along x, y]
  const rows = COSINES.map((cosines) =>
    Float64Array.from({ length: HASH_SIDE }, (_, y) => along(cosines, (x) => luma[y * HASH_SIDE + x]!)),
  );
  const coefficients = COSINES.flatMap((cosines) => rows.map((row) => along(cosines, (y) => row[y]!)));
  const sorted = coefficients.toSorted((left, right) => left - right);
  const median = (sorted[31]! + sorted[32]!) / 2;
  const words = [0, 0];
  for (const [bit, value] of coefficients.entries()) {
    const word = bit < 32 ? 0 : 1;
    words[word] = ((words[word]! << 1) | (value > median + LEAST_STEP ? 1 : 0)) >>> 0;
  }
  return [words[0]!, words[1]!];
}

/** Means of equal boxes; the sides must be multiples of theirs. */
function boxes(source: Picture, columns: number, rows: number): Picture {
  const result = picture(columns, rows);
  const [width, height] = [source.width / columns, source.height / rows];
  for (let at = 0; at < result.pixels.length; at += 1) {
    const [channel, cell] = [at % 3, Math.floor(at / 3)];
    const [left, top] = [(cell % columns) * width, Math.floor(cell / columns) * height];
    let sum = 0;
    for (let y = top; y < top + height; y += 1) {
      for (let x = left; x < left + width; x += 1)
        sum += source.pixels[3 * (y * source.width + x) + channel]!;
    }
    result.pixels[at] = Math.round(sum / (width * height));
  }
  return result;
}

/** Bits that differ, 0…64. */
export function hashDistance([a, b]: PictureHash, [c, d]: PictureHash): number {
  return ones(a ^ c) + ones(b ^ d);
}

/** Ones of 32 bits (Warren, Hacker's Delight, 5-1). */
function ones(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** How far the cells that differ most are apart, 0…255: an object that only one picture shows stands out in its cells. */
export function cellDifference({ cells: one }: Likeness, { cells: other }: Likeness): number {
  return one.reduce((most, value, at) => Math.max(most, Math.abs(value - other[at]!)), 0);
}
