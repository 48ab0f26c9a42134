/** Whatever bytes a dataset's files have, rows come out or an error of ours says what is wrong. */

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";
import { create } from "tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { zipOf } from "../../test/small/zip-of.ts";
import { decodeExample, isBroken, type EditExample } from "./edit-dataset.ts";
import { openDataset, type DatasetSettings } from "./open-dataset.ts";

const FIXTURES = join(import.meta.dirname, "../../test/fixtures/datasets");

/** A dataset, and the file of it that is damaged. */
interface Subject {
  readonly kind: string;
  readonly file: string;
  readonly options?: Record<string, unknown>;
}

let folder = "";
const subjects: Record<string, Subject> = {
  parquet: { kind: "aurora", file: "aurora/data/train-00000-of-00001.parquet" },
  arrow: { kind: "vismin", file: "vismin/data/train/data-00000-of-00001.arrow" },
  "the list of code grids": {
    kind: "earl-codes",
    file: "pth/list/tokenized_datalist.json",
    options: { thoughtKeys: ["thinking"] },
  },
  "code grids": {
    kind: "earl-codes",
    file: "pth/feature/ex_3_0.pth",
    options: { thoughtKeys: ["thinking"] },
  },
  "JSON lines": { kind: "folder", file: "lines/train.jsonl", options: { columns: {} } },
  "a JSON array": { kind: "folder", file: "array/train.json", options: { columns: {} } },
  CSV: { kind: "folder", file: "csv/train.csv", options: { columns: {} } },
  "a tar shard": { kind: "folder", file: "tar/train-0000.tar", options: { columns: {} } },
  "a zip archive": { kind: "magicbrush", file: "zip/test.zip" },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-damaged-"));
  await cp(FIXTURES, folder, { recursive: true });
  const png = encodePng(picture(6, 4));
  const rows = [0, 1, 2].map((at) => ({
    id: `${at}`,
    source: "a.png",
    target: "b.png",
    instruction: `do ${at}`,
  }));
  for (const name of ["lines", "array", "csv", "tar", "zip"]) {
    await mkdir(join(folder, name));
    for (const one of ["a.png", "b.png"]) await writeFile(join(folder, name, one), png);
  }
  await writeFile(join(folder, "lines/train.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  await writeFile(join(folder, "array/train.json"), JSON.stringify(rows));
  const csv = ["id,source,target,instruction", ...rows.map((row) => Object.values(row).join(","))];
  await writeFile(join(folder, "csv/train.csv"), csv.join("\n"));
  const names: string[] = [];
  for (const row of rows) {
    for (const [ending, content] of [
      ["source.png", png],
      ["target.png", png],
      ["json", JSON.stringify({ instruction: row.instruction })],
    ] as const) {
      names.push(`${row.id}.${ending}`);
      await writeFile(join(folder, "tar", `${row.id}.${ending}`), content);
    }
  }
  await create({ cwd: join(folder, "tar"), file: join(folder, "tar/train-0000.tar") }, names);
  const turns = [
    { input: "1-input.png", output: "1-output1.png", mask: "1-mask1.png", instruction: "add it" },
  ];
  const archive = zipOf({
    "test/edit_turns.json": Buffer.from(JSON.stringify(turns)),
    "test/images/1/1-input.png": png,
    "test/images/1/1-output1.png": png,
    "test/images/1/1-mask1.png": png,
  });
  await writeFile(join(folder, "zip/test.zip"), archive);
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Flipped bits, a cut, or four bytes that say something large. */
const damage = fc.oneof(
  fc.record({ flips: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) }),
  fc.record({ keep: fc.double({ min: 0, max: 0.999, noNaN: true }) }),
  fc.record({ at: fc.nat(), value: fc.constantFrom(0xffffffff, 0x7fffffff, 0x80000000, 0) }),
);
type Damage = Partial<{ flips: number[]; keep: number; at: number; value: number }>;

function damaged(content: Uint8Array, { flips, keep, at, value }: Damage): Uint8Array {
  const bytes = Buffer.from(content);
  if (keep !== undefined) return bytes.subarray(0, Math.floor(keep * bytes.length));
  for (const flip of flips ?? []) bytes[(flip >> 3) % bytes.length]! ^= 1 << (flip & 7);
  if (at !== undefined && value !== undefined) bytes.writeUInt32LE(value, at % (bytes.length - 4));
  return bytes;
}

async function isDecodable(row: EditExample): Promise<boolean> {
  return decodeExample(row).then(
    () => true,
    (error: unknown) => {
      if (error instanceof DataError) return false;
      throw error;
    },
  );
}

/** Rows that can be read and decoded; throws what is no DataError. */
async function readable({ kind, file, options }: Subject): Promise<number | DataError> {
  try {
    const directory = join(folder, file.split("/")[0]!);
    const split = kind === "magicbrush" ? "test" : "train";
    const dataset = await openDataset({ kind, directory, ...options } as DatasetSettings, split);
    const rows = await dataset.read(Array.from({ length: Math.min(dataset.count, 20) }, (_, at) => at));
    let whole = 0;
    for (const row of rows) {
      if (isBroken(row)) {
        if (!/\w.*[^.]$/s.test(row.broken)) throw new Error(`no clause: ${row.broken}`);
      } else if (await isDecodable(row)) whole += 1;
    }
    return whole;
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}

describe.each(Object.entries(subjects))("%s", (_, subject) => {
  test("is read where it is whole", async () => {
    expect(await readable(subject)).toBeGreaterThan(0);
  });

  test("gives rows or an error of ours where it is damaged", async () => {
    const path = join(folder, subject.file);
    const whole = await readFile(path);
    const property = fc.asyncProperty(damage, async (one) => {
      await writeFile(path, damaged(whole, one));
      await readable(subject);
    });
    try {
      await fc.assert(property, { numRuns: 40, seed: 7 });
    } finally {
      await writeFile(path, whole);
    }
  });
});
