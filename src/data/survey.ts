/** What is in a split: kinds of edits, sizes, lengths of instructions, and rows that cannot be read. */

import { atMost } from "./at-most.ts";
import {
  decodeExample,
  isBroken,
  type BrokenRow,
  type EditDataset,
  type EditExample,
  type ExamplePictures,
} from "./edit-dataset.ts";
import { DataError } from "../errors.ts";

export interface SurveyOptions {
  /** Rows that are read and decoded, at even distances; all where there are no more. */
  readonly most: number;
  /** Examples that are kept with their pictures, at even distances among those. */
  readonly shown: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface ShownExample {
  readonly index: number;
  readonly example: EditExample;
  readonly pictures: ExamplePictures;
}

/** Of what was looked at. */
export interface Survey {
  readonly looked: number;
  /** Rows a kind of edit, most first. */
  readonly tasks: readonly (readonly [string, number])[];
  /** Characters of the instructions, in ascending order. */
  readonly instructionLengths: readonly number[];
  /** Pictures a size ("256 × 256"), most first; code grids are counted apart ("32 × 32 codes"). */
  readonly sizes: readonly (readonly [string, number])[];
  /** Rows that have each of these. */
  readonly having: Readonly<Record<"target" | "codes" | "mask" | "thought" | "captions", number>>;
  readonly broken: readonly BrokenRow[];
  readonly shown: readonly ShownExample[];
}

const READ_AT_ONCE = 8;
const DECODED_AT_ONCE = 4;

/** Reads the rows; pictures are decoded, so that corrupt ones are found. Throws DataError where a disk fails. */
export async function survey(dataset: EditDataset, options: SurveyOptions): Promise<Survey> {
  const looked = evenly(dataset.count, options.most);
  const picked = new Set(evenly(looked.length, options.shown).map((at) => looked[at]));
  const tasks = new Counts();
  const sizes = new Counts();
  const lengths: number[] = [];
  const having = { target: 0, codes: 0, mask: 0, thought: 0, captions: 0 };
  const broken: BrokenRow[] = [];
  const shown: ShownExample[] = [];
  for (let start = 0; start < looked.length; start += READ_AT_ONCE) {
    options.signal?.throwIfAborted();
    const indices = looked.slice(start, start + READ_AT_ONCE);
    const rows = await atMost(DECODED_AT_ONCE, await dataset.read(indices), decoded);
    for (const [at, row] of rows.entries()) {
      if ("broken" in row) {
        broken.push(row);
        continue;
      }
      const { example, pictures } = row;
      tasks.add(example.task);
      lengths.push(Array.from(example.instruction).length);
      for (const one of sizesOf(example, pictures)) sizes.add(one);
      having.target += Number(example.target !== undefined || example.codes?.target !== undefined);
      having.codes += Number(example.codes !== undefined);
      having.mask += Number(example.mask !== undefined);
      having.thought += Number(example.thought !== undefined);
      having.captions += Number(Object.keys(example.captions ?? {}).length > 0);
      if (picked.has(indices[at])) shown.push({ index: indices[at]!, example, pictures });
    }
    options.onProgress?.(Math.min(start + READ_AT_ONCE, looked.length), looked.length);
  }
  return {
    looked: looked.length,
    tasks: tasks.sorted(),
    instructionLengths: lengths.toSorted((one, other) => one - other),
    sizes: sizes.sorted(),
    having,
    broken,
    shown,
  };
}

/** So many numbers below a count, at even distances, each once. */
function evenly(count: number, most: number): number[] {
  const length = Math.min(count, most);
  return Array.from({ length }, (_, at) => Math.floor((at * count) / length));
}

async function decoded(
  row: EditExample | BrokenRow,
): Promise<BrokenRow | { readonly example: EditExample; readonly pictures: ExamplePictures }> {
  if (isBroken(row)) return row;
  try {
    return { example: row, pictures: await decodeExample(row) };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const origin = row.origin ?? row.id;
    return { origin, broken: error.message.replace(`${origin} (${row.id}), `, "").replace(/\.$/, "") };
  }
}

function sizesOf({ codes }: EditExample, { source, target }: ExamplePictures): string[] {
  const pictures = [source, target].filter((one) => one !== undefined);
  const grids = [codes?.source, codes?.target].filter((one) => one !== undefined);
  return [
    ...pictures.map(({ width, height }) => `${width} × ${height}`),
    ...grids.map(({ rows, columns }) => `${columns} × ${rows} codes`),
  ];
}

class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  sorted(): (readonly [string, number])[] {
    return [...this.#counts].toSorted(
      ([one, left], [other, right]) => right - left || (one < other ? -1 : one > other ? 1 : 0),
    );
  }
}
