/** Fits a patch codebook to pictures: every patch that occurs where they are few, else k-means over them. */

import { DataError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import { Rng } from "../random.ts";
import { kMeans, nearestRow } from "./k-means.ts";
import { PatchCodebook, patchAt, patchGrid, patchKey } from "./patch-codebook.ts";
import type { PictureSize } from "./vision-tokenizer.ts";

export interface PatchCodebookOptions {
  /** Side of a patch, in pixels. */
  readonly patchSize: number;
  /** Most entries the codebook may have. */
  readonly codebookSize: number;
  readonly seed: number;
}

export interface FittedPatchCodebook {
  readonly tokenizer: PatchCodebook;
  /** Peak signal-to-noise ratio of the pictures after encoding and decoding, in dB; Infinity where nothing is lost. */
  readonly psnr: number;
}

/** k-means looks at no more distinct patches than this, so that a fit takes seconds whatever the pictures. */
const MOST_POINTS = 8192;

interface CountedPatch {
  readonly key: string;
  readonly count: number;
}

/**
 * With at most `codebookSize` distinct patches the codebook is those, in byte order, and nothing is lost. Throws
 * DataError without pictures, or for one whose size is not a multiple of the patch size.
 */
export function fitPatchCodebook(
  pictures: Iterable<Picture>,
  { patchSize, codebookSize, seed }: PatchCodebookOptions,
): FittedPatchCodebook {
  const { patches, pictureSize } = countPatches(pictures, patchSize);
  if (patches.length === 0) {
    throw new DataError("A patch codebook needs at least one picture to be fitted to.", {
      hint: "Check that the dataset has training pictures.",
    });
  }
  if (patches.length <= codebookSize) {
    return { tokenizer: new PatchCodebook(patchSize, bytesOfPatches(patches), pictureSize), psnr: Infinity };
  }
  const rng = Rng.from(seed, "patch-codebook");
  const seen = patches.length > MOST_POINTS ? rng.shuffled(patches).slice(0, MOST_POINTS) : patches;
  const dimensions = patchSize * patchSize * 3;
  const points = {
    count: seen.length,
    dimensions,
    values: bytesOfPatches(seen),
    weights: Float64Array.from(seen, ({ count }) => count),
  };
  const entries = kMeans(points, Math.min(codebookSize, seen.length), rng);
  const tokenizer = new PatchCodebook(patchSize, entries, pictureSize);
  return { tokenizer, psnr: psnrOf(patches, entries, dimensions) };
}

interface CountedPatches {
  /** In byte order, so that the order of the pictures does not matter. */
  readonly patches: readonly CountedPatch[];
  /** Of every picture; undefined where they have several. */
  readonly pictureSize: PictureSize | undefined;
}

function countPatches(pictures: Iterable<Picture>, patchSize: number): CountedPatches {
  const counts = new Map<string, number>();
  const sizes = new Map<string, PictureSize>();
  for (const one of pictures) {
    const { width, height } = one;
    sizes.set(`${width}x${height}`, { width, height });
    const { rows, columns } = patchGrid(one.width, one.height, patchSize);
    for (let cell = 0; cell < rows * columns; cell += 1) {
      const key = patchKey(patchAt(one, patchSize, cell));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return {
    patches: [...counts].map(([key, count]) => ({ key, count })).toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    pictureSize: sizes.size === 1 ? [...sizes.values()][0] : undefined,
  };
}

function bytesOfPatches(patches: readonly CountedPatch[]): Uint8Array {
  return new Uint8Array(Buffer.from(patches.map(({ key }) => key).join(""), "latin1"));
}

function psnrOf(patches: readonly CountedPatch[], entries: Uint8Array, dimensions: number): number {
  const values = bytesOfPatches(patches);
  let squared = 0;
  let total = 0;
  for (const [index, { count }] of patches.entries()) {
    squared += count * nearestRow(values, index * dimensions, entries, dimensions).distance;
    total += count * dimensions;
  }
  return squared === 0 ? Infinity : 10 * Math.log10(255 ** 2 / (squared / total));
}
