/** AURORA-Bench: 50 edits of each of eight sources, without target pictures. Rows have no id but their number. */

import { instructionOf, pictureOf, textOf } from "../../data/cells.ts";
import type { BrokenRow, EditExample } from "../../data/edit-dataset.ts";
import { openParquetSplit } from "../../data/split-tables.ts";
import { tableDataset, type FoundRow } from "../../data/table-dataset.ts";
import { publishedBenchmark } from "./published-benchmark.ts";

const SOURCES = ["magicbrush", "ag", "something", "clevr", "whatsup", "emu", "epic", "kubric"];

export const AURORA_BENCH = publishedBenchmark({
  name: "aurora",
  about: "AURORA-Bench (McGill-NLP/aurora-bench): 400 edits, 50 of each of eight sources.",
  home: "hf://McGill-NLP/aurora-bench",
  examples: async (directory, check) => {
    const split = await openParquetSplit(directory, "test");
    const counts = Object.fromEntries(SOURCES.map((name) => [name, 50]));
    await check(split, { title: "AURORA-Bench", rows: 400, by: { column: "source", counts } });
    return tableDataset(split, { columns: ["input", "instruction", "source"], exampleOf });
  },
});

function exampleOf({ record, origin, number }: FoundRow): EditExample | BrokenRow {
  const task = textOf(record["source"]);
  const instruction = instructionOf(record["instruction"]);
  const source = pictureOf(record["input"]);
  if (task === undefined) return { origin, broken: "source is not a text" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "input holds no picture" };
  return { id: String(number), task, instruction, source, origin };
}
