/** EmuEdit's test split, the 1,000 rows that EARL's shuffle puts first. It has captions and no target pictures. */

import { captionsOf, instructionOf, nameOf, pictureOf, textOf } from "../../data/cells.ts";
import type { BrokenRow, EditExample } from "../../data/edit-dataset.ts";
import { numpyPermutation } from "../../data/numpy-permutation.ts";
import { selectedRows } from "../../data/selected-rows.ts";
import { openParquetSplit } from "../../data/split-tables.ts";
import { tableDataset, type FoundRow } from "../../data/table-dataset.ts";
import { clipDirection } from "../measures/clip-direction.ts";
import { clipIm, dinoToSource } from "../measures/picture-likeness.ts";
import { L1_TO_SOURCE } from "../measures/pixel-distances.ts";
import { clipOut } from "../measures/text-likeness.ts";
import { publishedBenchmark } from "./published-benchmark.ts";

const ROWS = 3589;
const TAKEN = 1000;
const SEED = 42;

export const EMUEDIT = publishedBenchmark({
  name: "emuedit",
  about: "EmuEdit (facebook/emu_edit_test_set, test): the 1,000 of 3,589 edits that EARL draws.",
  home: "hf://facebook/emu_edit_test_set",
  examples: async (directory, check) => {
    const split = await openParquetSplit(directory, "test");
    await check(split, { title: "EmuEdit's test split", rows: ROWS });
    const all = await tableDataset(split, {
      columns: ["instruction", "image", "task", "idx", "input_caption", "output_caption"],
      exampleOf,
    });
    // Of other rows than those 3,589 the shuffle's first are taken that there are.
    const drawn = numpyPermutation(SEED, ROWS).filter((row) => row < all.count);
    return selectedRows(all, drawn.slice(0, TAKEN));
  },
  measures: { plain: [L1_TO_SOURCE], clip: [clipDirection, clipIm, clipOut], dino: [dinoToSource] },
});

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const [id, task] = [nameOf(record["idx"]), textOf(record["task"])];
  const instruction = instructionOf(record["instruction"]);
  const source = pictureOf(record["image"]);
  if (id === undefined) return { origin, broken: "idx is missing" };
  if (task === undefined) return { origin, broken: "task is not a text" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "image holds no picture" };
  const captions = captionsOf(textOf(record["input_caption"]), textOf(record["output_caption"]));
  return { id, task, instruction, source, ...captions, origin };
}
