/**
 * Measures of edits (L1, L2, PSNR, SSIM, region SSIM, CLIP-I, CLIP-T, CLIPim, CLIPout, CLIPdir, DINO) beside Pillow, torch's SSIM and
 * transformers' CLIP and ViT, on the same pictures and weights, taking turns. Needs bench/peer/setup.sh once.
 *
 *   node src/from-source.mjs bench/measures.ts [--edits 32] [--side 512] [--rounds 2]
 *
 * CLIP has ViT-B/32's shape and DINO ViT-S/16's, with random weights; `mean`, of all figures of an edit, is compared. What
 * was decided about the peer stands in bench/peer/measures.py. Three quarters of its time are the models.
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
    edits: { type: "string", default: "32" },
    side: { type: "string", default: "512" },
    rounds: { type: "string", default: "2" },
    python: { type: "string", default: ".venv/bin/python" },
  },
});

const root = join(import.meta.dirname, "..");
if (!existsSync(join(root, values.python)) && !existsSync(values.python)) {
  process.stderr.write("There is no .venv with the peers: run bench/peer/setup.sh first.\n");
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "earl-measures-"));
try {
  const making = ["--make", directory, "--edits", values.edits, "--side", values.side];
  const script = "bench/peer/measures.py";
  const made = spawnSync(values.python, [script, ...making], { cwd: root, stdio: "inherit" });
  if (made.status !== 0) throw new Error("The pictures could not be made.");
  const program = { read: readJsonFigures, skip: 0 };
  const arms = [
    { ...program, name: "torch + transformers", command: values.python, args: [script, directory] },
    {
      ...program,
      name: "earl",
      command: process.execPath,
      args: ["src/from-source.mjs", "bench/ours/measures.ts", directory],
    },
  ];
  const about = `${values.edits} edits of ${values.side} × ${values.side}, thirteen measures each`;
  const measurements: Measurement[] = [
    { name: "measures a second", about, figure: "measuresPerSecond", better: "higher", arms },
    { name: "peak memory", about: "bytes", figure: "peakBytes", better: "lower", arms },
  ];
  process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}\n`);
  const rounds = await runRounds(arms, {
    rounds: Number(values.rounds),
    directory: root,
    onArm: (line) => process.stderr.write(`${line}\n`),
  });
  const means = [...new Set([...rounds.values()].flat(2).map(({ mean = Number.NaN }) => mean))];
  const apart = Math.max(...means) - Math.min(...means);
  process.stdout.write(
    apart <= 0.002 ? "Both arms measure the same.\n" : `The arms differ: ${means.join(", ")}.\n`,
  );
  for (const measurement of measurements) {
    process.stdout.write(`${comparisonTable(measurement, compareArms(measurement, rounds))}\n`);
  }
} finally {
  rmSync(directory, { recursive: true });
}
