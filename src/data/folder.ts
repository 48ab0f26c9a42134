/** `kind: folder`: a user's own pairs, in whatever common container they lie, with columns that the config may name. */

import { z } from "zod";

import { path } from "../config/ranges.ts";
import type { DatasetKind } from "./dataset-kind.ts";

const column = z.string().min(1).optional();

export const FolderOptions = z.strictObject({
  directory: path.describe(
    "Folder with train.jsonl, train.json, train.csv, train-*.parquet, train-*.arrow or train-*.tar (WebDataset), or with folders named after the splits; validation and test alike.",
  ),
  columns: z
    .strictObject({
      source: column.describe("Column of the source picture; source, input, … unless given."),
      target: column.describe("Column of the edited picture; target, output, … unless given."),
      instruction: column.describe("Column of the instruction; instruction, edit_prompt, … unless given."),
      id: column.describe(
        "Column that tells rows apart; id, edit_id, … unless given, else the row's number.",
      ),
      task: column.describe("Column of the kind of edit; task, type, … unless given."),
      mask: column.describe("Column of the mask's picture; mask, … unless given."),
      thought: column.describe("Column of the thought; thought, thinking, … unless given."),
      sourceCaption: column.describe("Column of what the source shows."),
      targetCaption: column.describe("Column of what the target shows."),
      sourceKey: column.describe("Column that is equal for edits of one source picture."),
    })
    .prefault({})
    .describe("What the columns are called."),
});

export type FolderColumns = z.output<typeof FolderOptions>["columns"];

export const FOLDER: DatasetKind<typeof FolderOptions> = {
  about: "Your own pairs: JSON lines, JSON or CSV with picture paths, parquet, Arrow, or WebDataset shards.",
  options: FolderOptions,
  open: async ({ directory, columns }, { split }) => {
    const { openFolder } = await import("./folder-dataset.ts");
    return openFolder(directory, split, columns);
  },
};
