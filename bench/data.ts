/**
 * Rows a second and peak memory of reading parquet shards with pictures, ours beside pyarrow's on the same machine,
 * taking turns; and ours in a shuffled order, as training reads. Shards are written into a temporary folder and copied
 * until there are as many gigabytes as asked.
 *
 *   node src/from-source.mjs bench/data.ts [--gigabytes 1] [--picture 200000] [--rounds 3] [--python PATH] [--folder DIR]
 *
 * Needs a Python with pyarrow for the peer (bench/peer/setup.sh makes one); without it only ours is measured.
 */

import { execFileSync } from "node:child_process";
import { constants, copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { formatBytes, formatTable } from "../src/format.ts";
import { readJsonFigures, type Figures } from "./speed/figures.ts";
import { runArm } from "./speed/run-arm.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    gigabytes: { type: "string", default: "1" },
    picture: { type: "string", default: "200000" },
    rounds: { type: "string", default: "3" },
    shuffled: { type: "string", default: "2000" },
    python: { type: "string", default: join(root, ".venv/bin/python") },
    folder: { type: "string", default: tmpdir() },
  },
});

/** Of one shard; hub shards have about as much. */
const SHARD_BYTES = 300e6;
const GOALS = { rate: 0.8, megabytes: 500 };

const pictureBytes = Number(values.picture);
const rows = Math.max(
  16,
  Math.floor(Math.min(SHARD_BYTES, Number(values.gigabytes) * 1e9) / (2 * pictureBytes)),
);
const shards = Math.max(1, Math.round((Number(values.gigabytes) * 1e9) / (2 * pictureBytes * rows)));

const ours = (...args: string[]): string[] => ["src/from-source.mjs", "bench/ours/data.ts", ...args];
const name = (shard: number): string =>
  `train-${String(shard).padStart(5, "0")}-of-${String(shards).padStart(5, "0")}.parquet`;

const folder = mkdtempSync(join(values.folder, "earl-bench-data-"));
try {
  process.stderr.write(`Writing ${shards} shards of ${rows} rows into ${folder}.\n`);
  const first = join(folder, name(0));
  execFileSync(process.execPath, ours("write", first, String(rows), String(pictureBytes), "0"), {
    cwd: root,
  });
  for (let shard = 1; shard < shards; shard += 1) {
    copyFileSync(first, join(folder, name(shard)), constants.COPYFILE_FICLONE);
  }
  const arms = [
    { name: "earl, in order", command: process.execPath, args: ours("rows", folder) },
    { name: "earl, shuffled", command: process.execPath, args: ours("shuffled", folder, values.shuffled) },
    ...(existsSync(values.python)
      ? [{ name: "pyarrow, in order", command: values.python, args: ["bench/peer/parquet_rows.py", folder] }]
      : []),
  ];
  const figures = new Map<string, Figures[]>(arms.map((arm) => [arm.name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    for (const arm of arms) {
      process.stderr.write(`Round ${round + 1}: ${arm.name}\n`);
      figures.get(arm.name)!.push(...(await runArm({ ...arm, read: readJsonFigures, skip: 0 }, root)));
    }
  }
  print(figures, statSync(first).size * shards);
} finally {
  rmSync(folder, { recursive: true });
}

function print(figures: ReadonlyMap<string, readonly Figures[]>, bytes: number): void {
  const lines = [...figures].map(([arm, rounds]) => {
    const rates = rounds.map(({ rows: read = 0, seconds = 1 }) => read / seconds).toSorted((a, b) => a - b);
    const speed = rounds.map(({ bytes: read = 0, seconds = 1 }) => read / seconds).toSorted((a, b) => a - b);
    const peak = Math.max(...rounds.map((one) => one["peak"] ?? 0));
    return {
      arm,
      rate: middle(rates),
      cells: [
        arm,
        String(rounds[0]?.["rows"] ?? 0),
        middle(rates).toFixed(0),
        `${rates[0]?.toFixed(0)}–${rates.at(-1)?.toFixed(0)}`,
        `${formatBytes(middle(speed))}/s`,
        `${peak.toFixed(0)} MB`,
      ],
    };
  });
  const head = ["", "rows", "rows/s (median)", "least–greatest", "", "peak memory"];
  process.stdout.write(
    `${formatBytes(bytes)} in ${shards} shards, pictures of ${formatBytes(pictureBytes)}\n`,
  );
  process.stdout.write(`${formatTable([head, ...lines.map(({ cells }) => cells)])}\n`);
  const [mine, , peer] = lines;
  if (peer !== undefined) {
    process.stdout.write(`earl ÷ pyarrow: ${(mine!.rate / peer.rate).toFixed(2)} (goal ≥ ${GOALS.rate})\n`);
  }
  process.stdout.write(`goal for memory: under ${GOALS.megabytes} MB, whatever the size\n`);
  const [processor] = cpus();
  process.stdout.write(`${cpus().length} × ${processor?.model}, load ${loadavg()[0]?.toFixed(1)}\n`);
}

function middle(sorted: readonly number[]): number {
  const at = (sorted.length - 1) / 2;
  return (sorted[Math.floor(at)]! + sorted[Math.ceil(at)]!) / 2;
}
