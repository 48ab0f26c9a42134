/**
 * One of the jobs of bench/data.ts, in a process of its own: writes a shard, or reads a dataset and prints rows, seconds
 * and the peak of its memory in megabytes as a line of JSON.
 *
 *   data.ts write FILE ROWS BYTES SEED | data.ts rows DIRECTORY | data.ts shuffled DIRECTORY ROWS
 */

import { writeFileSync } from "node:fs";

import { parquetWriteBuffer } from "hyparquet-writer";

import { isBroken, type EditDataset } from "../../src/data/edit-dataset.ts";
import { openDataset } from "../../src/data/open-dataset.ts";
import { Rng } from "../../src/random.ts";

const [job = "", place = "", ...numbers] = process.argv.slice(2);
const READ_AT_ONCE = 16;

if (job === "write") write(place, numbers.map(Number) as [number, number, number]);
else {
  const dataset = await openDataset({ kind: "aurora", directory: place }, "train");
  const start = process.hrtime.bigint();
  const rows = job === "rows" ? dataset.count : Math.min(Number(numbers[0]), dataset.count);
  const bytes = await read(dataset, rows, job === "rows" ? (at) => at : shuffled(dataset.count));
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  // Kilobytes on Linux, where this bench runs.
  const peak = process.resourceUsage().maxRSS / 1000;
  process.stdout.write(`${JSON.stringify({ rows, bytes, seconds, peak })}\n`);
}

function shuffled(count: number): (at: number) => number {
  const order = Rng.from(0, "order").shuffled(Array.from({ length: count }, (_, at) => at));
  return (at) => order[at]!;
}

async function read(dataset: EditDataset, rows: number, order: (at: number) => number): Promise<number> {
  let bytes = 0;
  for (let start = 0; start < rows; start += READ_AT_ONCE) {
    const length = Math.min(READ_AT_ONCE, rows - start);
    const examples = await dataset.read(Array.from({ length }, (_, at) => order(start + at)));
    for (const one of examples) {
      if (isBroken(one)) throw new Error(`${one.origin}: ${one.broken}`);
      bytes += one.source!.length + one.target!.length + one.instruction.length;
    }
  }
  return bytes;
}

/** AURORA's columns, as the hub's shards have them: one row group, pictures not compressible, no index of pages. */
function write(file: string, [rows, bytes, seed]: [number, number, number]): void {
  const noise = new Uint8Array(bytes + 4096);
  const rng = Rng.from(seed, "noise");
  for (let at = 0; at < noise.length; at += 1) noise[at] = rng.integer(256);
  const image = (at: number): { bytes: Uint8Array; path: string } => ({
    bytes: noise.subarray((at * 7) % 4096, ((at * 7) % 4096) + bytes),
    path: `${at}.png`,
  });
  const text = { type: "BYTE_ARRAY", repetition_type: "OPTIONAL", converted_type: "UTF8" } as const;
  const picture = (name: string) =>
    [
      { name, repetition_type: "OPTIONAL", num_children: 2 },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      { name: "path", ...text },
    ] as const;
  const all = Array.from({ length: rows }, (_, at) => at);
  const content = parquetWriteBuffer({
    columnData: [
      { name: "input", data: all.map((at) => image(2 * at)) },
      { name: "output", data: all.map((at) => image(2 * at + 1)) },
      {
        name: "instruction",
        data: all.map((at) => `add the number ${at} to the picture, and leave the rest`),
      },
      { name: "source", data: all.map(() => "ag") },
    ],
    schema: [
      { name: "root", num_children: 4 },
      ...picture("input"),
      ...picture("output"),
      { name: "instruction", ...text },
      { name: "source", ...text },
    ],
    rowGroupSize: rows,
  });
  writeFileSync(file, new Uint8Array(content));
}
