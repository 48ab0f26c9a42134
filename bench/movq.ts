/**
 * Emu3's vision tokenizer at its published size with random weights, on one picture: ours beside transformers' on the
 * same machine, taking turns. Needs bench/peer/setup.sh once.
 *
 *   node src/from-source.mjs bench/movq.ts [--side 256] [--rounds 2] [--calls 2]
 *
 * GFLOP/s count what a system computes. A picture reaches the encoder as four equal frames and leaves the decoder as
 * four of which one is kept: ours computes one, torch all four, so seconds compare the systems and GFLOP/s the kernels.
 */

import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { compareArms, comparisonTable } from "./speed/comparison.ts";
import { readJsonFigures } from "./speed/figures.ts";
import type { Measurement } from "./speed/measurements.ts";
import { runRounds } from "./speed/run-rounds.ts";

const { values } = parseArgs({
  options: {
    side: { type: "string", default: "256" },
    rounds: { type: "string", default: "2" },
    calls: { type: "string", default: "2" },
  },
});

const root = join(import.meta.dirname, "..");
const python = join(root, ".venv/bin/python");
if (!existsSync(python)) {
  process.stderr.write("There is no .venv with the peers: run bench/peer/setup.sh first.\n");
  process.exit(2);
}

const flags = ["--side", values.side, "--rounds", values.calls];
const program = { read: readJsonFigures, skip: 0 };
const arms = [
  { ...program, name: "transformers", command: python, args: ["bench/peer/movq.py", ...flags] },
  {
    ...program,
    name: "earl",
    command: process.execPath,
    args: ["src/from-source.mjs", "bench/ours/movq.ts", ...flags],
  },
];
const measurements = ["encode", "decode"].map((name): Measurement => ({
  name,
  about: `seconds, one picture of ${values.side} × ${values.side} pixels`,
  figure: `${name}Seconds`,
  better: "lower",
  arms,
}));

process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}\n`);
const rounds = await runRounds(arms, {
  rounds: Number(values.rounds),
  directory: root,
  onArm: (line) => process.stderr.write(`${line}\n`),
  onFigures: (figures) => process.stderr.write(`${figures.map((row) => JSON.stringify(row)).join("\n")}\n`),
});
for (const measurement of measurements) {
  const about = comparisonTable(measurement, compareArms(measurement, rounds));
  process.stdout.write(`\n${about}\n`);
}
process.stdout.write(`\nload after: ${loadavg()[0]?.toFixed(1)}\n`);
