/** Every row of some datasets as a file of JSON lines: its split, its source, its id, and how often an epoch has it. */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";

import { isBroken, type DatasetSplit, type EditDataset } from "../data/edit-dataset.ts";
import { DataError } from "../errors.ts";
import type { Progress } from "./progress.ts";

const READ_AT_ONCE = 64;

/** A row as the file lists it; `times` is how often an epoch has it. */
interface ListedRow {
  readonly split: DatasetSplit;
  readonly source?: string;
  readonly id?: string;
  readonly origin?: string | undefined;
  readonly broken?: string;
  readonly times: number;
}

interface Listing {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Each row once; the file is there when all of it is. Returns their number. Rejects with the signal's reason. */
export async function writeListedRows(
  path: string,
  datasets: readonly EditDataset[],
  { progress, signal }: Listing,
): Promise<number> {
  const partial = `${path}.partial`;
  const file = createWriteStream(partial);
  const ended = finished(file);
  // A full disk shows where the end is waited for.
  ended.catch(() => undefined);
  let written = 0;
  const total = datasets.reduce((sum, dataset) => sum + distinctRows(dataset).size, 0);
  progress.start("Rows", total);
  try {
    for (const dataset of datasets) {
      for await (const row of listedRows(dataset)) {
        signal.throwIfAborted();
        if (!file.write(`${JSON.stringify(row)}\n`)) await Promise.race([once(file, "drain"), ended]);
        written += 1;
        progress.advance(written);
      }
    }
    file.end();
    await ended;
    await rename(partial, path);
  } catch (cause) {
    file.destroy();
    await rm(partial, { force: true });
    if (!(cause instanceof Error && "syscall" in cause)) throw cause;
    throw new DataError(`Cannot write ${path}: ${cause.message}.`, {
      hint: "Free some space, or choose another place.",
      cause,
    });
  }
  progress.finish(`${written} written`);
  return written;
}

/** By number: the first row that has it, and how many do. */
function distinctRows(dataset: EditDataset): Map<number, { readonly row: number; times: number }> {
  const rows = new Map<number, { readonly row: number; times: number }>();
  for (let row = 0; row < dataset.count; row += 1) {
    const number = dataset.numberOf?.(row) ?? row;
    const known = rows.get(number);
    if (known === undefined) rows.set(number, { row, times: 1 });
    else known.times += 1;
  }
  return rows;
}

async function* listedRows(dataset: EditDataset): AsyncGenerator<ListedRow> {
  const rows = [...distinctRows(dataset)].toSorted(([left], [right]) => left - right);
  for (let start = 0; start < rows.length; start += READ_AT_ONCE) {
    const wanted = rows.slice(start, start + READ_AT_ONCE);
    const read = await dataset.read(wanted.map(([, { row }]) => row));
    for (const [index, example] of read.entries()) {
      const [number, { times }] = wanted[index]!;
      const source = dataset.parts?.findLast(({ first }) => first <= number)?.name;
      yield {
        split: dataset.split,
        ...(source !== undefined && { source }),
        ...(isBroken(example)
          ? { origin: example.origin, broken: example.broken }
          : { id: example.id, origin: example.origin }),
        times,
      };
    }
  }
}
