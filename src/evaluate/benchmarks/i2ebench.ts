/**
 * I2EBench as EARL measures on it: the 1,000 of 2,218 edits that its shuffle puts first, each with the shorter of two
 * instructions. Their order is that of the parquet file that EARL published. What eight tasks compare with (gt) and
 * what one leaves out (mask) is in the authors' archive alone: its folder EditData is read where it lies beside the file.
 */

import { instructionOf, nameOf, pictureOf, textOf } from "../../data/cells.ts";
import type { BrokenRow, EditDataset, EditExample } from "../../data/edit-dataset.ts";
import { numpyPermutation } from "../../data/numpy-permutation.ts";
import { selectedRows } from "../../data/selected-rows.ts";
import { openParquetNamed } from "../../data/split-tables.ts";
import { tableDataset, type FoundRow } from "../../data/table-dataset.ts";
import { DataError } from "../../errors.ts";
import { questionScore } from "../measures/question-score.ts";
import { SSIM, regionSimilarity } from "../measures/structural-similarities.ts";
import { styleScore } from "../measures/style-score.ts";
import { openEditData, type EditData } from "./i2ebench-edit-data.ts";
import { I2EBENCH_TASKS, expectedOf } from "./i2ebench-tasks.ts";
import { publishedBenchmark } from "./published-benchmark.ts";

const FILE = "i2ebench-dataset.parquet";
const TAKEN = 1000;
const SEED = 42;
const ROWS = 2218;
const COUNTS = Object.fromEntries(Object.entries(I2EBENCH_TASKS).map(([task, { rows }]) => [task, rows]));

export const I2EBENCH = publishedBenchmark({
  name: "i2ebench",
  about:
    "I2EBench (sikarwarank/i2bench_eval; SSIM with its authors' folder EditData beside the file): the 1,000 of 2,218 edits that EARL draws.",
  home: "hf://sikarwarank/i2bench_eval",
  examples: async (directory, check) => {
    const [split, pictures] = [await openParquetNamed(directory, FILE), await openEditData(directory)];
    if (split === undefined) {
      if (pictures === undefined) throw nothingThere(directory);
      // The order that EARL's rows are drawn from is the file's, and cannot be told from the archive.
      const edits = pictures.edits();
      await check(edits, { title: `EARL's draw from ${FILE}`, rows: TAKEN });
      return edits;
    }
    await check(split, { title: "I2EBench", rows: ROWS, by: { column: "task", counts: COUNTS } });
    const all = await tableDataset(split, {
      columns: ["task", "sample_id", "instruction", "image"],
      optional: ["Evaluation", "Answer", "style"],
      exampleOf: (row) => exampleOf(row, pictures),
    });
    const drawn = numpyPermutation(SEED, ROWS).filter((row) => row < all.count);
    const edits = selectedRows(all, drawn.slice(0, TAKEN));
    return pictures === undefined ? saying(edits, directory) : edits;
  },
  measures: {
    plain: [SSIM, regionSimilarity()],
    clip: [styleScore],
    questions: [questionScore],
  },
});

function nothingThere(directory: string): DataError {
  return new DataError(`${directory} has neither ${FILE} nor a folder EditData.`, {
    hint: "Fetch hf://sikarwarank/i2bench_eval, and the archive of I2EBench's page for SSIM.",
  });
}

function saying(edits: EditDataset, directory: string): EditDataset {
  const notice = `SSIM and region SSIM are not measured: their pictures are in EditData of I2EBench's archive, which is not in ${directory}.`;
  return { ...edits, notices: [...edits.notices, notice] };
}

async function exampleOf(
  { record, origin }: FoundRow,
  pictures: EditData | undefined,
): Promise<EditExample | BrokenRow> {
  const [task, number] = [textOf(record["task"]), nameOf(record["sample_id"])];
  const instruction = instructionOf(record["instruction"]);
  const source = pictureOf(record["image"]);
  if (task === undefined) return { origin, broken: "task is not a text" };
  if (number === undefined) return { origin, broken: "sample_id is missing" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "image holds no picture" };
  const compared = (await pictures?.comparedWith(task, number, instruction)) ?? {};
  if ("broken" in compared) return { origin, broken: compared.broken };
  return { id: `${task}-${number}`, task, instruction, source, ...compared, ...expectedOf(record), origin };
}
