/** AURORA: actions, reasoning over drawn scenes, and MagicBrush. As the hub has it, or as its GitHub repository does. */

import { z } from "zod";

import { instructionOf, pictureOf, textOf } from "../cells.ts";
import type { DatasetKind } from "../dataset-kind.ts";
import type { BrokenRow, EditExample } from "../edit-dataset.ts";
import { tableDataset, type FoundRow } from "../table-dataset.ts";
import { directoryOption } from "./directory.ts";

const PARTS = ["ag", "kubric", "magicbrush", "something"] as const;

const Options = z.strictObject({
  ...directoryOption,
  parts: z
    .array(z.enum(PARTS))
    .min(1)
    .optional()
    .describe(
      "Parts to read: ag (Action Genome), kubric, magicbrush; something lies in no release, only in a repository that a user has filled. All that are there unless given.",
    ),
});

export const AURORA: DatasetKind<typeof Options> = {
  about:
    "AURORA: the hub's parquet files, or its repository's train.json a part with the pictures of its archives.",
  options: Options,
  card: {
    title: "AURORA",
    hub: "McGill-NLP/AURORA",
    page: "https://github.com/McGill-NLP/AURORA",
    licence: "MIT",
    size: "train 169,180: magicbrush 8,807, ag 11,373, kubric 149,000 (28 GB)",
  },
  open: async ({ directory, parts }, { split }) => {
    const { openRepository } = await import("./aurora-repository.ts");
    const repository = await openRepository(directory, split, parts ?? PARTS);
    if (repository !== undefined) return repository;
    const { openParquetSplit } = await import("../split-tables.ts");
    return tableDataset(await openParquetSplit(directory, split), {
      columns: ["input", "output", "instruction", "source"],
      ...(parts !== undefined && {
        filter: {
          columns: ["source"],
          keep: ({ source }) => (parts as readonly unknown[]).includes(source),
          says: `source ${parts.join(" or ")}`,
        },
      }),
      exampleOf,
    });
  },
};

/** Rows have no id; the part and the row's number stand for one. */
function exampleOf({ record, origin, number }: FoundRow): EditExample | BrokenRow {
  const task = textOf(record["source"]);
  const instruction = instructionOf(record["instruction"]);
  const source = pictureOf(record["input"]);
  const target = pictureOf(record["output"]);
  if (task === undefined) return { origin, broken: "source is not a text" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "input holds no picture" };
  if (target === undefined) return { origin, broken: "output holds no picture" };
  return { id: `${task}-${number}`, task, instruction, source, target, origin };
}
