/**
 * Preparing pictures (decode a JPEG of 512 × 512, resize to 256 × 256, encode) beside Pillow and transformers on the same
 * tokenizer and pictures, taking turns. Needs bench/peer/setup.sh once.
 *
 *   node src/from-source.mjs bench/encode.ts [--pictures 32] [--channels 64] [--rounds 2]
 *
 * The tokenizer is Emu3's with random weights, narrower unless --channels 256. `codes` are compared: both arms compute the
 * same.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { compareArms, comparisonTable } from "./speed/comparison.ts";
import { readJsonFigures } from "./speed/figures.ts";
import type { Measurement } from "./speed/measurements.ts";
import { runRounds } from "./speed/run-rounds.ts";

const { values } = parseArgs({
  options: {
    pictures: { type: "string", default: "32" },
    channels: { type: "string", default: "64" },
    rounds: { type: "string", default: "2" },
  },
});

const root = join(import.meta.dirname, "..");
const python = join(root, ".venv/bin/python");
if (!existsSync(python)) {
  process.stderr.write("There is no .venv with the peers: run bench/peer/setup.sh first.\n");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "earl-encode-"));
try {
  const making = [
    "bench/peer/encode.py",
    "--make",
    directory,
    "--pictures",
    values.pictures,
    "--channels",
    values.channels,
  ];
  const made = spawnSync(python, making, { cwd: root, stdio: "inherit" });
  if (made.status !== 0) throw new Error("The pictures could not be made.");
  const program = { read: readJsonFigures, skip: 0 };
  const arms = [
    { ...program, name: "Pillow + torch", command: python, args: ["bench/peer/encode.py", directory] },
    {
      ...program,
      name: "earl",
      command: process.execPath,
      args: ["src/from-source.mjs", "bench/ours/encode.ts", directory],
    },
  ];
  const about = `${values.pictures} pictures of 512 × 512, ${values.channels} channels`;
  const measurements: Measurement[] = [
    { name: "pictures a second", about, figure: "picturesPerSecond", better: "higher", arms },
    { name: "peak memory", about: "bytes", figure: "peakBytes", better: "lower", arms },
  ];
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}\n`);
  const rounds = await runRounds(arms, {
    rounds: Number(values.rounds),
    directory: root,
    onArm: (line) => process.stderr.write(`${line}\n`),
  });
  const codes = new Set([...rounds.values()].flat(2).map((figures) => figures["codes"]));
  process.stdout.write(
    codes.size === 1 ? "Both arms give the same codes.\n" : `Codes differ: ${[...codes].join(", ")}.\n`,
  );
  for (const measurement of measurements) {
    process.stdout.write(`${comparisonTable(measurement, compareArms(measurement, rounds))}\n`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
