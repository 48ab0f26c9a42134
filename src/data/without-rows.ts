/** A dataset without the rows that a file names: those that `earl data overlap` found in a benchmark, for one. */

import { readFile } from "node:fs/promises";
import { dirname } from "node:path";

import { z } from "zod";

import { path } from "../config/ranges.ts";
import { DataError } from "../errors.ts";
import type { EditDataset } from "./edit-dataset.ts";
import { keptKeys, keyOf, type KeyReading } from "./kept-keys.ts";

export const leaveOutOption = {
  leaveOut: path
    .optional()
    .describe(
      "File of rows that are not used: a line each, its id, or a pair that `earl data overlap` listed. All rows are read once for their ids.",
    ),
};

const Named = z.union([
  z.looseObject({ id: z.string() }).transform(({ id }) => id),
  z.looseObject({ one: z.looseObject({ id: z.string() }) }).transform(({ one }) => one.id),
]);

/** Throws DataError where the file cannot be read, or every row is named. */
export async function withoutRows(
  dataset: EditDataset,
  leaveOut: string | undefined,
  reading: Pick<KeyReading, "options" | "onProgress">,
): Promise<EditDataset> {
  if (leaveOut === undefined) return dataset;
  const named = await idsIn(leaveOut);
  const keys = new Set([...named].map((id) => keyOf(id)));
  const [ids] = await keptKeys(dataset, {
    ...reading,
    name: "ids",
    columns: 1,
    keysOf: ({ id }) => [keyOf(id)],
  });
  const kept = Uint32Array.from([...ids!.keys()].filter((row) => !keys.has(ids![row]!)));
  if (kept.length === 0) {
    throw new DataError(`${leaveOut} names every row of ${dataset.directory}, ${dataset.split}.`, {
      hint: "Leave out fewer, or none.",
    });
  }
  const rowOf = (index: number): number => {
    const row = kept[index];
    if (row === undefined) throw new RangeError(`There are ${kept.length} rows, no row ${index}.`);
    return row;
  };
  const numberOf = dataset.numberOf?.bind(dataset);
  return {
    ...dataset,
    count: kept.length,
    files: [...dataset.files, { path: leaveOut, rows: named.size, folder: dirname(leaveOut) }],
    notices: [
      ...dataset.notices,
      `${dataset.count - kept.length} of ${dataset.count} rows are left out, as ${leaveOut} says.`,
    ],
    ...(numberOf !== undefined && { numberOf: (index: number) => numberOf(rowOf(index)) }),
    read: async (indices) => dataset.read(indices.map(rowOf)),
  };
}

async function idsIn(file: string): Promise<Set<string>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new DataError(`Cannot read the rows to leave out, ${file}.`, { hint: "Check the path.", cause });
  }
  const lines = text.split("\n").map((line) => line.trim());
  return new Set(lines.flatMap((line, index) => (line === "" ? [] : [idIn(line, `${file}:${index + 1}`)])));
}

/** A line that is no JSON object is an id as it is. */
function idIn(line: string, place: string): string {
  if (!line.startsWith("{")) return line;
  try {
    return Named.parse(JSON.parse(line));
  } catch (cause) {
    throw new DataError(`${place} names no row.`, {
      hint: 'One a line: an id, {"id": "…"}, or a line of pairs.jsonl that `earl data overlap --out` writes.',
      cause,
    });
  }
}
