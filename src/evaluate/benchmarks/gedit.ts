/**
 * GEdit-Bench (Step1X-Edit): 606 edits that people asked for, of eleven kinds, each instruction in English and in
 * Chinese. One Arrow split holds both languages; a benchmark is one of them. Without target pictures.
 */

import { instructionOf, nameOf, pictureOf, textOf } from "../../data/cells.ts";
import type { BrokenRow, EditExample } from "../../data/edit-dataset.ts";
import { openWhole } from "../../data/split-tables.ts";
import { tableDataset, type FoundRow } from "../../data/table-dataset.ts";
import { publishedBenchmark } from "./published-benchmark.ts";

const ROWS = 606;
/** Of both languages. */
const COUNTS = {
  background_change: 80,
  color_alter: 80,
  material_alter: 80,
  motion_change: 80,
  ps_human: 140,
  style_change: 120,
  "subject-add": 120,
  "subject-remove": 114,
  "subject-replace": 120,
  text_change: 198,
  tone_transfer: 80,
};

const gedit = (language: "en" | "cn", named: string) =>
  publishedBenchmark({
    name: `gedit-${language}`,
    about: `GEdit-Bench (stepfun-ai/GEdit-Bench): the 606 edits of eleven kinds that are asked for in ${named}.`,
    home: "hf://stepfun-ai/GEdit-Bench",
    examples: async (directory, check) => {
      const split = await openWhole(directory);
      const both = { title: "GEdit-Bench", rows: 2 * ROWS };
      const counts = { en: ROWS, cn: ROWS };
      await check(split, { ...both, by: { column: "instruction_language", counts } });
      await check(split, { ...both, by: { column: "task_type", counts: COUNTS } });
      const edits = await tableDataset(split, {
        columns: ["key", "task_type", "instruction", "instruction_language", "input_image_raw"],
        id: { columns: ["key"], of: ({ key }) => nameOf(key) },
        filter: {
          columns: ["instruction_language"],
          keep: (record) => record["instruction_language"] === language,
          says: `instruction_language = ${language}`,
        },
        exampleOf,
      });
      await check(edits, { title: `GEdit-Bench in ${named}`, rows: ROWS });
      return edits;
    },
  });

export const GEDIT_EN = gedit("en", "English");
export const GEDIT_CN = gedit("cn", "Chinese");

function exampleOf({ record, origin }: FoundRow): EditExample | BrokenRow {
  const [id, task] = [nameOf(record["key"]), textOf(record["task_type"])];
  const instruction = instructionOf(record["instruction"]);
  const source = pictureOf(record["input_image_raw"]);
  if (id === undefined) return { origin, broken: "key is missing" };
  if (task === undefined) return { origin, broken: "task_type is not a text" };
  if (instruction === undefined) return { origin, broken: "the instruction is empty" };
  if (source === undefined) return { origin, broken: "input_image_raw holds no picture" };
  return { id, task, instruction, source, origin };
}
