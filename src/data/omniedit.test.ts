import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { picture, type Picture } from "../images/picture.ts";
import { encodePng } from "../images/png.ts";
import { decodeExample } from "./decode-example.ts";
import { openEditDataset } from "./omniedit.ts";
import { OMNIEDIT_COLUMNS, OMNIEDIT_SCHEMA, type OmniEditRow } from "./omniedit-schema.ts";
import { datasetFingerprint } from "./split-files.ts";

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
  const columnData = OMNIEDIT_COLUMNS.map((column) => ({
    name: column,
    data: rows.map((one) => (column === "width" || column === "height" ? BigInt(one[column]) : one[column])),
  }));
  await writeFile(
    join(folder, name),
    new Uint8Array(parquetWriteBuffer({ columnData, schema: OMNIEDIT_SCHEMA })),
  );
}

describe("openEditDataset", () => {
  test("reads OmniEdit's published columns as the datasets library does", async () => {
    const dataset = await openEditDataset(OMNIEDIT, "validation");
    const examples = await dataset.readAll();
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
    const dataset = await openEditDataset(OMNIEDIT, "validation");
    const examples = await dataset.read([4, 0, 4]);
    expect(examples.map((example) => example.id)).toEqual([4, 0, 4].map((index) => expected[index]?.id));
    expect(examples[0]?.origin).toBe("dev-00000-of-00001.parquet, row 4");
    await expect(dataset.read([6])).rejects.toThrow("no row 6");
  });

  test("prefers the single-file generation where both were downloaded", async () => {
    await copyFile(SHARD, join(folder, "dev-00000-of-00001.parquet"));
    await copyFile(SHARD, join(folder, "dev-00000-of-00004.parquet"));
    const dataset = await openEditDataset(folder, "validation");
    expect(dataset.files).toEqual([join(folder, "dev-00000-of-00001.parquet")]);
  });

  test("refuses two generations when neither is a single file", async () => {
    await copyFile(SHARD, join(folder, "train-00000-of-00002.parquet"));
    await copyFile(SHARD, join(folder, "train-00000-of-00003.parquet"));
    await expect(openEditDataset(folder, "train")).rejects.toThrow("different generations");
  });

  test("counts rows that share an id once, across shards", async () => {
    await writeRows("train-00000-of-00002.parquet", [row(), row({ omni_edit_id: "two" })]);
    await writeRows("train-00001-of-00002.parquet", [row({ omni_edit_id: "three" }), row()]);
    const dataset = await openEditDataset(folder, "train");
    const examples = await dataset.readAll();
    expect(examples.map((example) => example.id)).toEqual(["one", "two", "three"]);
    expect((await dataset.read([2, 0])).map((example) => example.id)).toEqual(["three", "one"]);
  });

  test("takes a thought where there is one", async () => {
    await writeRows("test-00000-of-00001.parquet", [
      row({ thought: "A sofa." }),
      row({ omni_edit_id: "two" }),
    ]);
    const examples = await (await openEditDataset(folder, "test")).readAll();
    expect(examples.map((example) => example.thought)).toEqual(["A sofa.", undefined]);
  });
});

describe("what is wrong with a dataset is said with its place", () => {
  async function problem(split: "train" | "test" = "train", directory = folder): Promise<string> {
    const attempt = (async () => {
      for (const example of await (await openEditDataset(directory, split)).readAll())
        await decodeExample(example);
    })();
    const error: unknown = await attempt.catch((cause: unknown) => cause);
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

  test("damage within a file", async () => {
    const bytes = Buffer.from(PUBLISHED);
    bytes.fill(0xff, 200, 40_000);
    await writeFile(join(folder, SHARD_NAME), bytes);
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

  const good = row({ omni_edit_id: "zero" });
  test.each([
    ["an empty instruction", row({ edited_prompt_list: ["  "] }), "row 1: the instruction is empty"],
    ["no instruction", row({ edited_prompt_list: [] }), "row 1: the instruction is empty"],
    ["an empty picture", row({ edited_img: { bytes: new Uint8Array(0), path: "" } }), "row 1: edited_img"],
    [
      "a corrupt picture",
      row({ src_img: { bytes: PNG.subarray(0, 50), path: "" } }),
      "train-00000-of-00001.parquet, row 1 (one), source: the picture cannot be decoded",
    ],
  ])("%s", async (_, bad, message) => {
    await writeRows(SHARD_NAME, [good, bad]);
    expect(await problem()).toContain(message);
  });
});

describe("datasetFingerprint", () => {
  test("gives hash and rows of every file, named within the folder", async () => {
    await mkdir(join(folder, "data"));
    await copyFile(SHARD, join(folder, "data", "dev-00000-of-00001.parquet"));
    await writeRows("train-00000-of-00001.parquet", [row()]);
    const sha256 = createHash("sha256").update(PUBLISHED).digest("hex");
    const fingerprints = await datasetFingerprint(folder);
    expect(fingerprints.map(({ file, rows }) => [file, rows])).toEqual([
      ["data/dev-00000-of-00001.parquet", 6],
      ["train-00000-of-00001.parquet", 1],
    ]);
    expect(fingerprints[0]?.sha256).toBe(sha256);
  });
});
