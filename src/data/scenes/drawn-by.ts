/** How scenes that lie in a folder were drawn: they are nobody's dataset, and can be drawn again. */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { RECORD_FILE } from "./scene-folder.ts";

const Split = z.looseObject({ rows: z.int() });
const Record = z.looseObject({
  generator: z.literal("scenes"),
  seed: z.number(),
  cells: z.number(),
  phrasing: z.string(),
  imperfect: z.number(),
  splits: z.looseObject({ train: Split, validation: Split, test: Split }),
});

/** The command that draws the scenes of a folder again; undefined where it holds none. */
export function drawnBy(directory: string): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(join(directory, RECORD_FILE), "utf8"));
  } catch {
    // No record, no scenes: other datasets have none.
    return undefined;
  }
  const record = Record.safeParse(json);
  if (!record.success) return undefined;
  const { seed, cells, phrasing, imperfect, splits } = record.data;
  const { train, validation, test } = splits;
  return `earl data scenes --out DIR --train ${train.rows} --validation ${validation.rows} --test ${test.rows} --seed ${seed} --imperfect ${imperfect} --cells ${cells} --phrasing ${phrasing}`;
}
