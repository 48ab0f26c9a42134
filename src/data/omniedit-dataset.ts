/**
 * OmniEdit (TIGER-Lab/OmniEdit-Filtered-1.2M), and every dataset of ours, which has its columns. The first entry of
 * `edited_prompt_list` is the instruction, as in EARL's evaluation.
 */

import { instructionOf, pictureOf, textOf } from "./cells.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "./edit-dataset.ts";
import { openParquetSplit } from "./split-tables.ts";
import { tableDataset, type FoundRow } from "./table-dataset.ts";

/** Opens a split in a folder. Throws DataError where there is no such split, or a file is not OmniEdit's. */
export async function openOmniEdit(directory: string, split: DatasetSplit): Promise<EditDataset> {
  return tableDataset(await openParquetSplit(directory, split), {
    columns: ["omni_edit_id", "task", "src_img", "edited_img", "edited_prompt_list"],
    optional: ["thought"],
    id: { columns: ["omni_edit_id"], of: (record) => idOf(record["omni_edit_id"]) },
    exampleOf,
  });
}

function idOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const id = textOf(record["omni_edit_id"]);
  const task = textOf(record["task"]);
  const list = record["edited_prompt_list"];
  const instruction = Array.isArray(list) ? instructionOf(list) : undefined;
  const source = pictureOf(record["src_img"]);
  const target = pictureOf(record["edited_img"]);
  if (id === undefined) return { origin, broken: "omni_edit_id is not a text" };
  if (task === undefined) return { origin, broken: "task is not a text" };
  if (instruction === undefined) {
    return { origin, broken: "the instruction is empty (edited_prompt_list needs a text in first place)" };
  }
  if (source === undefined) return { origin, broken: "src_img holds no picture" };
  if (target === undefined) return { origin, broken: "edited_img holds no picture" };
  const thought = textOf(record["thought"]);
  return { id, task, instruction, source, target, ...(thought !== undefined && { thought }), origin };
}
