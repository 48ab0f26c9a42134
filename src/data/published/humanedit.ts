/** HumanEdit: photographs edited by people, with masks and captions. */

import { z } from "zod";

import { captionsOf, instructionOf, nameOf, pictureOf, textOf } from "../cells.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, EditExample } from "../edit-dataset.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

const Options = z.strictObject({ ...directoryOption });

export const HUMANEDIT: DatasetKind<typeof Options> = {
  about: "HumanEdit's parquet files: edits by people, with masks and captions.",
  options: Options,
  card: {
    title: "HumanEdit",
    hub: "BryanW/HumanEdit",
    page: "https://huggingface.co/datasets/BryanW/HumanEdit",
    licence: "CC-BY-4.0",
    size: "train 5,751 (16.7 GB)",
  },
  open: async ({ directory }, { split }) => {
    const { openParquetSplit } = await import("../split-tables.ts");
    return tableDataset(await openParquetSplit(directory, split), {
      columns: ["IMAGE_ID", "EDITING_TYPE", "EDITING_INSTRUCTION", "INPUT_IMG", "OUTPUT_IMG"],
      optional: ["MASK_IMG", "INPUT_CAPTION_BY_LLAMA", "OUTPUT_CAPTION_BY_LLAMA"],
      id: { columns: ["IMAGE_ID"], of: (record) => nameOf(record["IMAGE_ID"]) },
      exampleOf,
    });
  },
};

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const id = nameOf(record["IMAGE_ID"]);
  const task = textOf(record["EDITING_TYPE"]);
  const instruction = instructionOf(record["EDITING_INSTRUCTION"]);
  const source = pictureOf(record["INPUT_IMG"]);
  const target = pictureOf(record["OUTPUT_IMG"]);
  if (id === undefined) return { origin, broken: "IMAGE_ID is not a text" };
  if (task === undefined) return { origin, broken: "EDITING_TYPE is not a text" };
  if (instruction === undefined) return { origin, broken: "EDITING_INSTRUCTION is empty" };
  if (source === undefined) return { origin, broken: "INPUT_IMG holds no picture" };
  if (target === undefined) return { origin, broken: "OUTPUT_IMG holds no picture" };
  const mask = pictureOf(record["MASK_IMG"]);
  const [before, after] = ["INPUT", "OUTPUT"].map((side) => textOf(record[`${side}_CAPTION_BY_LLAMA`]));
  return {
    id,
    task,
    instruction,
    source,
    target,
    ...(mask !== undefined && { mask }),
    ...captionsOf(before, after),
    origin,
  };
}
