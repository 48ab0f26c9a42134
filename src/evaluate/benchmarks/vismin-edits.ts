/** VisMin as EARL measures on it: the editing set's counting and relation files. How many rows they have is not published. */

import { basename } from "node:path";

import { instructionOf, nameOf, pictureOf } from "../../data/cells.ts";
import { TableSeries } from "../../data/containers/table-series.ts";
import type { BrokenRow, EditExample } from "../../data/edit-dataset.ts";
import { openParquetSplit } from "../../data/split-tables.ts";
import { tableDataset, type FoundRow } from "../../data/table-dataset.ts";
import { DataError } from "../../errors.ts";
import { clipI } from "../measures/picture-likeness.ts";
import { publishedBenchmark } from "./published-benchmark.ts";

const TASKS = ["counting", "relation"];
/** Stands before instructions in the files. */
const LABEL = /^\s*edit_instruction:\s*/;

export const VISMIN_EDITS = publishedBenchmark({
  name: "vismin",
  about: "VisMin, EARL's editing set (mair-lab/escher-vismin-dev): counting and relation.",
  home: "hf://mair-lab/escher-vismin-dev",
  examples: async (directory) => {
    const split = await openParquetSplit(directory, "train");
    const tables = split.series.tables.filter(({ path }) => taskOf(path) !== undefined);
    const missing = TASKS.filter((task) => !tables.some(({ path }) => taskOf(path) === task));
    if (missing.length > 0) {
      throw new DataError(`${directory} has no file of ${missing.join(" and ")}.`, {
        hint: "Scores are over both: fetch counting-00001.parquet and relation-00001.parquet.",
      });
    }
    return tableDataset(
      { ...split, series: new TableSeries(tables) },
      { columns: ["id", "source_image", "edited_image", "edit_instruction"], exampleOf },
    );
  },
  measures: { clip: [clipI] },
});

function taskOf(path: string): string | undefined {
  return TASKS.find((task) => basename(path).startsWith(`${task}-`));
}

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const [task, id] = [taskOf(origin) ?? "edit", nameOf(record["id"])];
  const words = record["edit_instruction"];
  const instruction = instructionOf(typeof words === "string" ? words.replace(LABEL, "") : words);
  const [source, target] = [pictureOf(record["source_image"]), pictureOf(record["edited_image"])];
  if (id === undefined) return { origin, broken: "id is missing" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "source_image holds no picture" };
  if (target === undefined) return { origin, broken: "edited_image holds no picture" };
  return { id: `${task}-${id}`, task, instruction, source, target, origin };
}
