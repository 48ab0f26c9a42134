/** Pictures of one dataset that are in another one too, or nearly. */

import { decodePicture } from "../../images/codec.ts";
import { cellDifference, likenessOf, type Likeness } from "../../images/likeness.ts";
import { DataError } from "../../errors.ts";
import {
  isBroken,
  type BrokenRow,
  type EditDataset,
  type EditExample,
  type EncodedPicture,
} from "../edit-dataset.ts";
import { HashIndex } from "./hash-index.ts";

export type Side = "source" | "target";

/** A picture of a dataset. */
export interface PicturePlace {
  readonly id: string;
  readonly row: number;
  readonly side: Side;
}

export interface NearPair {
  readonly one: PicturePlace;
  readonly other: PicturePlace;
  /** Bits of the hashes that differ, 0…64. */
  readonly distance: number;
  /** Levels by which the cells that differ most do, 0…255. */
  readonly difference: number;
}

export interface OverlapOptions {
  /** Bits that hashes of one picture may differ in. */
  readonly distance: number;
  /** Levels that its cells may differ by, 0…255. */
  readonly difference: number;
  readonly signal?: AbortSignal;
  /** Hears how many rows of both were looked at. */
  readonly onProgress?: (done: number, pairs: number) => void;
}

export interface Overlap {
  readonly pairs: readonly NearPair[];
  /** Pictures of each that were compared. */
  readonly pictures: readonly [number, number];
  /** Rows of each that have no picture that can be read. */
  readonly unread: readonly [number, number];
  /** Comparisons of hashes; all pairs would be the product of the pictures. */
  readonly compared: number;
}

const READ_AT_ONCE = 32;

/**
 * Pairs in the order of `one`, for two rows the pair of sides that is nearest. Pictures of `other`, which should be the
 * smaller, are held in memory, about 1 KB each; `one` is read through. Rejects with the signal's reason.
 */
export async function findOverlap(
  one: EditDataset,
  other: EditDataset,
  options: OverlapOptions,
): Promise<Overlap> {
  const index = new HashIndex(options.distance);
  const held: { readonly place: PicturePlace; readonly likeness: Likeness }[] = [];
  const pairs: NearPair[] = [];
  const [read, unread] = [
    [0, 0],
    [0, 0],
  ] as [[number, number], [number, number]];
  let done = 0;
  const look = async (at: 0 | 1, see: (place: PicturePlace, likeness: Likeness) => void): Promise<void> => {
    for await (const { pictures } of likenesses(at === 0 ? one : other, options.signal)) {
      if (pictures.length === 0) unread[at] += 1;
      read[at] += pictures.length;
      for (const { place, likeness } of pictures) see(place, likeness);
      done += 1;
      options.onProgress?.(done, pairs.length);
    }
  };
  await look(1, (place, likeness) => {
    index.add(likeness.hash);
    held.push({ place, likeness });
  });
  await look(0, (place, likeness) => {
    for (const { number, distance } of index.near(likeness.hash)) {
      const near = held[number]!;
      const difference = cellDifference(likeness, near.likeness);
      if (difference > options.difference) continue;
      keepNearest(pairs, { one: place, other: near.place, distance, difference });
    }
  });
  return { pairs, pictures: read, unread, compared: index.compared };
}

/** Source and target of an edit are often nearly the same, so two rows would be found up to four times. */
function keepNearest(pairs: NearPair[], pair: NearPair): void {
  // Pairs of a row come one after another.
  for (let at = pairs.length - 1; pairs[at]?.one.row === pair.one.row; at -= 1) {
    if (pairs[at]!.other.row !== pair.other.row) continue;
    if (pair.difference < pairs[at]!.difference) pairs[at] = pair;
    return;
  }
  pairs.push(pair);
}

interface RowLikeness {
  readonly pictures: readonly { readonly place: PicturePlace; readonly likeness: Likeness }[];
}

/** Every row once, whatever a mixture repeats. */
async function* likenesses(dataset: EditDataset, signal?: AbortSignal): AsyncGenerator<RowLikeness> {
  const seen = new Set<number>();
  const rows = Array.from({ length: dataset.count }, (_, row) => row).filter((row) => {
    const number = dataset.numberOf?.(row) ?? row;
    return !seen.has(number) && seen.add(number);
  });
  for (let start = 0; start < rows.length; start += READ_AT_ONCE) {
    signal?.throwIfAborted();
    const wanted = rows.slice(start, start + READ_AT_ONCE);
    for (const [index, example] of (await dataset.read(wanted)).entries()) {
      yield { pictures: await likenessesOf(example, wanted[index]!) };
    }
  }
}

async function likenessesOf(example: EditExample | BrokenRow, row: number): Promise<RowLikeness["pictures"]> {
  if (isBroken(example)) return [];
  const sides: readonly (readonly [Side, EncodedPicture | undefined])[] = [
    ["source", example.source],
    ["target", example.target],
  ];
  const pictures = [];
  for (const [side, bytes] of sides) {
    if (bytes === undefined) continue;
    try {
      const likeness = likenessOf(await decodePicture(bytes, example.id));
      pictures.push({ place: { id: example.id, row, side }, likeness });
    } catch (error) {
      // Whoever trains on it will hear of it.
      if (!(error instanceof DataError)) throw error;
    }
  }
  return pictures;
}
