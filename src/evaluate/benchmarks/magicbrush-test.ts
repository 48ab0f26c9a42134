/**
 * MagicBrush's test split, every turn by itself: 1,053 edits of 535 sessions, each from the picture that the authors
 * show, not from an edit of the model's. From the authors' archive (or its folder), which has captions and masks, or
 * from the parquet file that EARL evaluates on, which has none of the captions that CLIP-T reads.
 */

import { instructionOf, pictureOf } from "../../data/cells.ts";
import type { BrokenRow, EditDataset, EditExample } from "../../data/edit-dataset.ts";
import { openTurns } from "../../data/published/magicbrush-turns.ts";
import { openParquetSplit } from "../../data/split-tables.ts";
import { tableDataset, type FoundRow } from "../../data/table-dataset.ts";
import { clipI, dinoToTarget } from "../measures/picture-likeness.ts";
import { L1, L2, PSNR } from "../measures/pixel-distances.ts";
import { clipT, clipTOracle } from "../measures/text-likeness.ts";
import { publishedBenchmark, type GenerationCheck } from "./published-benchmark.ts";

const GENERATION = { title: "MagicBrush's test split", rows: 1053 };

export const MAGICBRUSH_TEST = publishedBenchmark({
  name: "magicbrush",
  about:
    "MagicBrush test (its authors' archive, or sikarwarank/magicbrush_eval): 1,053 turns, each from the true picture before it.",
  home: "hf://sikarwarank/magicbrush_eval",
  examples: async (directory, check) => {
    const turns = await openTurns(directory, "test");
    if (turns === undefined) return ofEarl(directory, check);
    await check(turns, GENERATION);
    return turns;
  },
  measures: { plain: [L1, L2, PSNR], clip: [clipI, clipT, clipTOracle], dino: [dinoToTarget] },
});

/** EARL's own file: pictures and instructions; rows have no id but their number. */
async function ofEarl(directory: string, check: GenerationCheck): Promise<EditDataset> {
  const split = await openParquetSplit(directory, "test");
  await check(split, GENERATION);
  const edits = await tableDataset(split, {
    columns: ["input", "output", "instruction"],
    optional: ["mask"],
    exampleOf,
  });
  const notice =
    "This file of MagicBrush has no captions, so CLIP-T is not measured; the authors' archive has them.";
  return { ...edits, notices: [...edits.notices, notice] };
}

function exampleOf({ record, origin, number }: FoundRow): EditExample | BrokenRow {
  const instruction = instructionOf(record["instruction"]);
  const [source, target, mask] = [record["input"], record["output"], record["mask"]].map(pictureOf);
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "input holds no picture" };
  if (target === undefined) return { origin, broken: "output holds no picture" };
  const drawn = mask === undefined ? {} : { mask };
  return { id: String(number), task: "edit", instruction, source, target, ...drawn, origin };
}
