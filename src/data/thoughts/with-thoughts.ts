/** A dataset with the thoughts of a file that belongs to it. */

import { dirname } from "node:path";

import { z } from "zod";

import { path } from "../../config/ranges.ts";
import { thoughtText } from "../../tokens/sequence.ts";
import { isBroken, type EditDataset } from "../edit-dataset.ts";
import { ThoughtFile, type ThoughtRow } from "./thought-file.ts";

/** What the config may say of the thoughts of any dataset. */
export const thoughtOptions = {
  thoughtsFrom: path
    .optional()
    .describe(
      "File of thoughts for its rows, as `earl data think` writes it; a row that it lacks keeps the dataset's own.",
    ),
  thoughtParts: z
    .array(z.string().min(1).max(100))
    .min(1)
    .optional()
    .describe("Names of the parts of those thoughts that are used, in this order; all of them unless given."),
};

/** A type, not an interface: settings are handed on as records. */
export type ThoughtSource = {
  readonly thoughtsFrom?: string | undefined;
  readonly thoughtParts?: readonly string[] | undefined;
};

/** Rows that are looked at for whether the file belongs to the dataset. */
const LOOKED_AT = 32;

/** Throws DataError where the file cannot be read. */
export async function withThoughts(
  dataset: EditDataset,
  { thoughtsFrom, thoughtParts }: ThoughtSource,
): Promise<EditDataset> {
  if (thoughtsFrom === undefined) return dataset;
  const file = await ThoughtFile.open(thoughtsFrom);
  const read: EditDataset["read"] = async (indices) => {
    const rows = await dataset.read(indices);
    const thoughts = await file.read(rows.map((row) => (isBroken(row) ? "" : row.id)));
    return rows.map((row, at) => {
      const thought = isBroken(row) ? "" : textOf(thoughts[at], thoughtParts);
      if (thought === "") return row;
      const size = thoughts[at]?.size;
      return { ...row, thought, ...(size !== undefined && { thoughtSize: size }) };
    });
  };
  const first = await dataset.read(
    Array.from({ length: Math.min(LOOKED_AT, dataset.count) }, (_, index) => index),
  );
  const isStrange = first.every((row) => isBroken(row) || !file.has(row.id));
  return {
    ...dataset,
    files: [...dataset.files, { path: thoughtsFrom, rows: file.count, folder: dirname(thoughtsFrom) }],
    notices: [
      ...dataset.notices,
      ...(isStrange
        ? [`none of the first ${first.length} rows has a thought among the ${file.count} of ${thoughtsFrom}.`]
        : []),
    ],
    read,
  };
}

/** EARL's text of a thought in parts: "name: text", joined by spaces. */
function textOf(row: ThoughtRow | undefined, parts: readonly string[] | undefined): string {
  if (row === undefined) return "";
  const { thought } = row;
  return typeof thought === "string" ? thought.trim() : thoughtText(thought, parts ?? Object.keys(thought));
}
