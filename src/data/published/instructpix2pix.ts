/** InstructPix2Pix: generated pairs, with the captions that they were generated from. */

import { z } from "zod";

import { captionsOf, instructionOf, pictureOf, textOf } from "../cells.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, EditExample } from "../edit-dataset.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

const Options = z.strictObject({ ...directoryOption });

export const INSTRUCTPIX2PIX: DatasetKind<typeof Options> = {
  about: "InstructPix2Pix's parquet files: generated pairs, filtered by CLIP.",
  options: Options,
  card: {
    title: "InstructPix2Pix",
    hub: "timbrooks/instructpix2pix-clip-filtered",
    page: "https://huggingface.co/datasets/timbrooks/instructpix2pix-clip-filtered",
    licence: "not stated",
    size: "train 313,010",
  },
  open: async ({ directory }, { split }) => {
    const { openParquetSplit } = await import("../split-tables.ts");
    return tableDataset(await openParquetSplit(directory, split), {
      columns: ["original_image", "edit_prompt", "edited_image"],
      optional: ["original_prompt", "edited_prompt"],
      exampleOf,
    });
  },
};

/** Rows have no id; their number stands for one. Edits of one caption are of one seed's picture or its like. */
function exampleOf({ record, origin, number }: FoundRow): EditExample | BrokenRow {
  const instruction = instructionOf(record["edit_prompt"]);
  const source = pictureOf(record["original_image"]);
  const target = pictureOf(record["edited_image"]);
  if (instruction === undefined) return { origin, broken: "edit_prompt is empty" };
  if (source === undefined) return { origin, broken: "original_image holds no picture" };
  if (target === undefined) return { origin, broken: "edited_image holds no picture" };
  const before = textOf(record["original_prompt"]);
  const after = textOf(record["edited_prompt"]);
  return {
    id: String(number),
    task: "edit",
    instruction,
    source,
    target,
    ...captionsOf(before, after),
    ...(before !== undefined && { sourceKey: before }),
    origin,
  };
}
