import { createHash } from "node:crypto";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { picture, type Picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { datasetContract, type ContractFault, type ContractRow } from "./edit-dataset.contract.ts";
import {
  decodeExample,
  isBroken,
  type DatasetSplit,
  type EditDataset,
  type EditExample,
} from "./edit-dataset.ts";
import { openOmniEdit } from "./omniedit-dataset.ts";
import { OMNIEDIT_COLUMNS, OMNIEDIT_SCHEMA, type OmniEditRow } from "./omniedit-schema.ts";

const FIXTURES = fileURLToPath(new URL("../../test/fixtures/datasets/", import.meta.url));
const OMNIEDIT = join(FIXTURES, "omniedit");
const SHARD = join(OMNIEDIT, "data", "dev-00000-of-00001.parquet");

const PUBLISHED = await readFile(SHARD);

interface ExpectedPicture {
  readonly size: [number, number];
  readonly rgb_sha256: string;
}
interface ExpectedRow {
  readonly id: string;
  readonly instruction: string;
  readonly task: string;
  readonly source: ExpectedPicture;
  readonly target: ExpectedPicture;
}
const expected = (
  JSON.parse(await readFile(join(FIXTURES, "expected.json"), "utf8")) as { omniedit: ExpectedRow[] }
).omniedit;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-omniedit-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const open = (directory: string, split: DatasetSplit): Promise<EditDataset> => openOmniEdit(directory, split);

/** All rows, none of which is broken. */
async function allOf(dataset: EditDataset): Promise<EditExample[]> {
  const rows = await dataset.read(Array.from({ length: dataset.count }, (_, index) => index));
  return rows.map((one) => {
    if (isBroken(one)) throw new Error(one.broken);
    return one;
  });
}

function summary(one: Picture | undefined): ExpectedPicture | undefined {
  if (one === undefined) return undefined;
  const hash = createHash("sha256").update(one.pixels).digest("hex");
  return { size: [one.width, one.height], rgb_sha256: hash };
}

const PNG = encodePng(picture(2, 2));

function row(changes: Partial<OmniEditRow> = {}): OmniEditRow {
  return {
    omni_edit_id: "one",
    task: "addition",
    src_img: { bytes: PNG, path: "a.png" },
    edited_img: { bytes: PNG, path: "b.png" },
    edited_prompt_list: ["add a cat", "add a small cat to the sofa"],
    width: 2,
    height: 2,
    sc_score_1: null,
    sc_score_2: null,
    sc_reasoning: null,
    pq_score: null,
    o_score: 7.5,
    pq_reasoning: null,
    thought: "",
    imperfection: "none",
    ...changes,
  };
}

async function writeRows(name: string, rows: readonly OmniEditRow[]): Promise<void> {
  await writeFile(join(folder, name), parquetOf(rows));
}

function parquetOf(rows: readonly OmniEditRow[]): Uint8Array {
  const columnData = OMNIEDIT_COLUMNS.map((column) => ({
    name: column,
    data: rows.map((one) => (column === "width" || column === "height" ? BigInt(one[column]) : one[column])),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema: OMNIEDIT_SCHEMA }));
}

describe("openOmniEdit", () => {
  test("reads OmniEdit's published columns as the datasets library does", async () => {
    const dataset = await open(OMNIEDIT, "validation");
    const examples = await allOf(dataset);
    const pictures = await Promise.all(examples.map(decodeExample));
    const rows = examples.map(({ id, instruction, task }, index) => ({
      id,
      instruction,
      task,
      source: summary(pictures[index]?.source),
      target: summary(pictures[index]?.target),
    }));
    expect(rows).toEqual(expected);
    expect(dataset.count).toBe(expected.length);
  });

  test("reads single rows in the order asked", async () => {
    const dataset = await open(OMNIEDIT, "validation");
    const examples = await dataset.read([4, 0, 4]);
    expect(examples.map((one) => !isBroken(one) && one.id)).toEqual(
      [4, 0, 4].map((index) => expected[index]?.id),
    );
    expect(examples[0]?.origin).toBe("dev-00000-of-00001.parquet, row 4");
    await expect(dataset.read([6])).rejects.toThrow("no row 6");
  });

  test("prefers the single-file generation where both were downloaded", async () => {
    await copyFile(SHARD, join(folder, "dev-00000-of-00001.parquet"));
    await copyFile(SHARD, join(folder, "dev-00000-of-00004.parquet"));
    const dataset = await open(folder, "validation");
    expect(dataset.files).toEqual([{ path: join(folder, "dev-00000-of-00001.parquet"), rows: 6 }]);
  });

  test("refuses two generations when neither is a single file", async () => {
    await copyFile(SHARD, join(folder, "train-00000-of-00002.parquet"));
    await copyFile(SHARD, join(folder, "train-00000-of-00003.parquet"));
    await expect(open(folder, "train")).rejects.toThrow("different generations");
  });

  test("counts rows that share an id once, across shards", async () => {
    await writeRows("train-00000-of-00002.parquet", [row(), row({ omni_edit_id: "two" })]);
    await writeRows("train-00001-of-00002.parquet", [row({ omni_edit_id: "three" }), row()]);
    const dataset = await open(folder, "train");
    expect((await allOf(dataset)).map((example) => example.id)).toEqual(["one", "two", "three"]);
    expect(dataset.notices).toEqual([
      '1 of 4 rows share the id of an earlier row (as "one") and are left out; the first is kept.',
    ]);
  });

  test("takes a thought where there is one", async () => {
    await writeRows("test-00000-of-00001.parquet", [
      row({ thought: "A sofa." }),
      row({ omni_edit_id: "two" }),
    ]);
    const examples = await allOf(await open(folder, "test"));
    expect(examples.map((example) => example.thought)).toEqual(["A sofa.", undefined]);
  });
});

describe("what is wrong with a dataset is said with its place", () => {
  async function problem(split: "train" | "test" = "train", directory = folder): Promise<string> {
    const error: unknown = await open(directory, split).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DataError);
    return (error as DataError).message;
  }
  const SHARD_NAME = "train-00000-of-00001.parquet";

  test("a missing folder", async () => {
    expect(await problem("train", join(folder, "nowhere"))).toContain("There is no folder");
  });

  test("a split that is not there", async () => {
    await writeRows(SHARD_NAME, [row()]);
    expect(await problem("test")).toContain("has no test-*.parquet");
  });

  test.each([
    ["an empty file", new Uint8Array(0), "empty (0 bytes)"],
    [
      "a file that is no parquet",
      new TextEncoder().encode("<html>not found</html>"),
      "cannot be read as parquet",
    ],
    ["a file that was cut off", PUBLISHED.subarray(0, 20_000), "cannot be read as parquet"],
  ])("%s", async (_, bytes, message) => {
    await writeFile(join(folder, SHARD_NAME), bytes);
    expect(await problem()).toContain(message);
    expect(await problem()).toContain(SHARD_NAME);
  });

  test("a missing column", async () => {
    const columnData = [{ name: "omni_edit_id", data: ["one"] }];
    await writeFile(join(folder, SHARD_NAME), new Uint8Array(parquetWriteBuffer({ columnData })));
    expect(await problem()).toContain("has no column task, src_img, edited_img, edited_prompt_list");
  });

  test("no rows", async () => {
    await writeRows(SHARD_NAME, []);
    expect(await problem()).toContain("there is no row");
  });

  test("one id for all rows", async () => {
    await writeRows(SHARD_NAME, [row(), row(), row()]);
    expect(await problem()).toContain('all 3 rows share the id "one"');
  });
});

describe("a row that is no example is broken, whatever is wrong with it", () => {
  const good = row({ omni_edit_id: "zero" });
  const none = null as never;
  test.each<[string, Partial<OmniEditRow>, string]>([
    ["an empty instruction", { edited_prompt_list: ["  "] }, "the instruction is empty"],
    ["no instruction", { edited_prompt_list: [] }, "the instruction is empty"],
    ["instructions of null", { edited_prompt_list: none }, "the instruction is empty"],
    [
      "an empty picture",
      { edited_img: { bytes: new Uint8Array(0), path: "" } },
      "edited_img holds no picture",
    ],
    ["a picture of null", { src_img: none }, "src_img holds no picture"],
    [
      "a picture whose bytes are null",
      { src_img: { bytes: none, path: "a.png" } },
      "src_img holds no picture",
    ],
    ["an id of null", { omni_edit_id: none }, "omni_edit_id is not a text"],
    ["a task of null", { task: none }, "task is not a text"],
  ])("%s", async (_, bad, message) => {
    await writeRows("train-00000-of-00001.parquet", [good, row(bad)]);
    const [first, second] = await (await open(folder, "train")).read([0, 1]);
    expect(first).toMatchObject({ id: "zero" });
    expect(second).toEqual({
      origin: "train-00000-of-00001.parquet, row 1",
      broken: expect.stringContaining(message) as string,
    });
  });

  test("a column of another type", async () => {
    const columnData = [
      { name: "omni_edit_id", data: ["one", "two"] },
      { name: "task", data: ["addition", "removal"] },
      { name: "src_img", data: ["a.png", "b.png"] },
      { name: "edited_img", data: [1n, 2n] },
      { name: "edited_prompt_list", data: ["add a cat", "remove it"] },
    ];
    const bytes = new Uint8Array(parquetWriteBuffer({ columnData }));
    await writeFile(join(folder, "train-00000-of-00001.parquet"), bytes);
    const rows = await (await open(folder, "train")).read([0, 1]);
    expect(rows.map(isBroken)).toEqual([true, true]);
  });

  test("a picture that is none is found when it is decoded, with its place", async () => {
    const bytes = PNG.subarray(0, 50);
    await writeRows("train-00000-of-00001.parquet", [good, row({ src_img: { bytes, path: "" } })]);
    const [, second] = await allOf(await open(folder, "train"));
    await expect(decodeExample(second!)).rejects.toThrow(
      "train-00000-of-00001.parquet, row 1 (one), source: the picture cannot be decoded",
    );
  });

  test("damaged pages cost the rows that lie in them, and nothing else", async () => {
    const bytes = Buffer.from(PUBLISHED);
    bytes.fill(0xff, 200, 40_000);
    await writeFile(join(folder, "dev-00000-of-00001.parquet"), bytes);
    const dataset = await open(folder, "validation");
    const rows = await dataset.read([0, 1, 2, 3, 4, 5]);
    expect(rows.some(isBroken)).toBe(true);
    expect(rows.filter(isBroken)[0]?.broken).toContain("it cannot be decoded");
    // The same alone as together.
    for (const index of [5, 0, 3]) expect(await dataset.read([index])).toEqual([rows[index]]);
  });
});

const written: string[] = [];

datasetContract("OmniEdit's parquet", {
  async open(rows) {
    const directory = await mkdtemp(join(tmpdir(), "earl-omniedit-contract-"));
    written.push(directory);
    const cells = rows.map((one, index) => ("fault" in one ? faulty(one.fault, index) : cellsOf(one)));
    await writeFile(join(directory, "train-00000-of-00001.parquet"), parquetOf(cells));
    return open(directory, "train");
  },
  async close() {
    for (const directory of written) await rm(directory, { recursive: true });
  },
});

function cellsOf({
  id,
  task,
  instruction,
  source,
  target,
}: Exclude<ContractRow, { fault: unknown }>): OmniEditRow {
  return row({
    omni_edit_id: id,
    task,
    edited_prompt_list: [instruction],
    src_img: { bytes: source, path: "" },
    edited_img: { bytes: target, path: "" },
  });
}

function faulty(fault: ContractFault, index: number): OmniEditRow {
  const omni_edit_id = `faulty ${index}`;
  const empty = { bytes: new Uint8Array(0), path: "" };
  switch (fault) {
    case "no source":
      return row({ omni_edit_id, src_img: empty });
    case "no target":
      return row({ omni_edit_id, edited_img: empty });
    case "no instruction":
      return row({ omni_edit_id, edited_prompt_list: [] });
    case "wrong type":
      return row({ omni_edit_id, task: null as never });
    default:
      return fault satisfies never;
  }
}
