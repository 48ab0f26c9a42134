/**
 * Draws the picture in the README from a run that compared arms on held-out edits.
 *
 *   node src/from-source.mjs bench/picture.ts runs/demo docs/demo.png [--rows 6]
 */

import { parseArgs } from "node:util";

import { writeComparisonPng } from "./picture/comparison-png.ts";

const { values, positionals } = parseArgs({
  options: { rows: { type: "string", default: "6" } },
  allowPositionals: true,
});
const [run, path] = positionals;
if (run === undefined || path === undefined) {
  process.stderr.write("usage: bench/picture.ts RUN PICTURE.png [--rows N]\n");
  process.exitCode = 2;
} else {
  await writeComparisonPng(run, path, { rows: Number(values.rows) });
}
