/** What a fresh codebook and fresh merges are fitted to: drawn training examples, decoded a few at a time. */

import { decodeExample, type EditExample, type ExamplePictures } from "../data/edit-dataset.ts";
import type { OpenDataset } from "../data/open-dataset.ts";
import { DataError } from "../errors.ts";
import { madeOfRows } from "../edits/made-of-rows.ts";
import type { Picture } from "../images/picture.ts";
import { Rng } from "../random.ts";
import { patchGrid } from "../tokens/patch-codebook.ts";
import type { GridSize } from "../tokens/vision-tokenizer.ts";

/** Enough to have seen every patch and word, a second to read. */
const FITTED_EXAMPLES = 2000;
/** Large pictures have so many patches that fewer of them are enough. */
const FITTED_BYTES = 256 * 2 ** 20;
const READ_AT_ONCE = 16;

export interface FittingExamples {
  readonly pictures: readonly Picture[];
  readonly instructions: readonly string[];
  /** Of those that have one. */
  readonly thoughts: readonly string[];
  /** Of examples whose pictures are code grids already. */
  readonly grids: readonly GridSize[];
}

interface FittedExample {
  readonly pictures: readonly Picture[];
  readonly grids: readonly GridSize[];
  readonly instruction: string;
  readonly thought: string | undefined;
}

/**
 * The examples in the dataset's order. Throws DataError where too many of the drawn ones cannot be read, or no picture can
 * be cut into patches; a few of odd sizes are left out here, and resized or left out when they are prepared.
 */
export async function fittingExamples(
  train: OpenDataset,
  { seed, patchSize }: { readonly seed: number; readonly patchSize: number },
): Promise<FittingExamples> {
  // Drawn, since kinds of edit may come in blocks or in turns: every tenth example can leave half of them out.
  const all = Array.from({ length: train.count }, (_, index) => index);
  const drawn = Rng.from(seed, "fitting").shuffled(all).slice(0, FITTED_EXAMPLES);
  const fitted: (FittedExample & { readonly index: number })[] = [];
  let bytes = 0;
  let oddSize: unknown;
  for (let start = 0; start < drawn.length && bytes < FITTED_BYTES; start += READ_AT_ONCE) {
    const indices = drawn.slice(start, start + READ_AT_ONCE);
    const made = await madeOfRows(train, indices, async (example) => ({
      grids: gridsOf(example),
      pictures: (example.codes === undefined ? picturesOf(await decodeExample(example)) : []).filter(
        ({ width, height }) => {
          try {
            return patchGrid(width, height, patchSize).rows > 0;
          } catch (error) {
            oddSize ??= error;
            return false;
          }
        },
      ),
      instruction: example.instruction,
      thought: example.thought,
    }));
    for (const [index, one] of made) {
      fitted.push({ index, ...one });
      for (const { pixels } of one.pictures) bytes += pixels.length;
    }
  }
  if (bytes === 0 && oddSize !== undefined) throw oddSize;
  // Codes that a known tokenizer made need no codebook.
  if (bytes === 0 && fitted.length > 0 && train.codesOf === undefined) {
    throw new DataError(
      `${train.directory} holds codes and no pictures, so that no codebook can be fitted to it.`,
      {
        hint: "Start from a checkpoint with the vision tokenizer that made the codes (policy.checkpoint), or use pictures.",
      },
    );
  }
  const ordered = fitted.toSorted((left, right) => left.index - right.index);
  return {
    pictures: ordered.flatMap(({ pictures }) => pictures),
    instructions: ordered.map(({ instruction }) => instruction),
    grids: ordered.flatMap(({ grids }) => grids),
    thoughts: ordered.flatMap(({ thought }) => thought ?? []),
  };
}

function gridsOf({ codes }: EditExample): GridSize[] {
  return codes === undefined ? [] : [codes.source, codes.target].filter((one) => one !== undefined);
}

function picturesOf({ source, target }: ExamplePictures): Picture[] {
  return [source, target].filter((one) => one !== undefined);
}
