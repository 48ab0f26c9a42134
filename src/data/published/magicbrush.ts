/** MagicBrush: sessions of edits by hand, each turn with its mask. As the hub has it, or as the archive of its test split. */

import { z } from "zod";

import { instructionOf, nameOf, pictureOf } from "../cells.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, EditExample } from "../edit-dataset.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

const Options = z.strictObject({ ...directoryOption });

export const MAGICBRUSH: DatasetKind<typeof Options> = {
  about: "MagicBrush: the hub's parquet files, or the folders and archives with edit_turns.json.",
  options: Options,
  card: {
    title: "MagicBrush",
    hub: "osunlp/MagicBrush",
    page: "https://github.com/OSU-NLP-Group/MagicBrush",
    licence: "CC-BY-4.0",
    gating:
      "Train and dev are open; the archive of the test split opens with the password MagicBrush, and its authors ask not to share it.",
    size: "train 8,807 (25.4 GB), dev 528 (1.5 GB), test 1,053",
  },
  open: async ({ directory }, { split }) => {
    const { openTurns } = await import("./magicbrush-turns.ts");
    const turns = await openTurns(directory, split);
    if (turns !== undefined) return turns;
    const { openParquetSplit } = await import("../split-tables.ts");
    return tableDataset(await openParquetSplit(directory, split), {
      columns: ["img_id", "turn_index", "source_img", "target_img", "instruction"],
      optional: ["mask_img"],
      id: { columns: ["img_id", "turn_index"], of: idOf },
      exampleOf,
    });
  },
};

function idOf(record: FoundRow["record"]): string | undefined {
  const [session, turn] = [nameOf(record["img_id"]), nameOf(record["turn_index"])];
  return session === undefined || turn === undefined ? undefined : `${session}-${turn}`;
}

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const id = idOf(record);
  const instruction = instructionOf(record["instruction"]);
  const source = pictureOf(record["source_img"]);
  const target = pictureOf(record["target_img"]);
  if (id === undefined) return { origin, broken: "img_id or turn_index is missing" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "source_img holds no picture" };
  if (target === undefined) return { origin, broken: "target_img holds no picture" };
  const mask = pictureOf(record["mask_img"]);
  const session = nameOf(record["img_id"])!;
  return {
    id,
    task: "edit",
    instruction,
    source,
    target,
    ...(mask !== undefined && { mask }),
    sourceKey: session,
    origin,
  };
}
