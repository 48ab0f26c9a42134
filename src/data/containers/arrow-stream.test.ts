import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  Binary,
  Bool,
  Float64,
  Int64,
  List,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Field,
  Struct,
  tableToIPC,
  tableFromArrays,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../../errors.ts";
import { ArrowStream } from "./arrow-stream.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-arrow-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const image = new Struct([new Field("bytes", new Binary(), true), new Field("path", new Utf8(), true)]);
const FIELDS = {
  image: vectorFromArray(
    [{ bytes: Uint8Array.of(1, 2), path: "a" }, null, { bytes: null, path: "c" }],
    image,
  ),
  caption: vectorFromArray(["ü one", null, ""], new Utf8()),
  boxes: vectorFromArray([[1.5, 2], [], null], new List(new Field("item", new Float64(), true))),
  number: vectorFromArray([1n, -5n, 2n ** 60n], new Int64()),
  flag: vectorFromArray([true, null, false], new Bool()),
};
const ROWS = [
  {
    image: { bytes: Uint8Array.of(1, 2), path: "a" },
    caption: "ü one",
    boxes: [1.5, 2],
    number: 1,
    flag: true,
  },
  { image: null, caption: null, boxes: [], number: -5, flag: null },
  { image: { bytes: null, path: "c" }, caption: "", boxes: null, number: 2n ** 60n, flag: false },
];
const NAMES = Object.keys(FIELDS);

function batches(count: number): Uint8Array {
  const schema = new Schema(Object.entries(FIELDS).map(([name, { type }]) => new Field(name, type, true)));
  const children = Object.values(FIELDS).map((vector) => vector.data[0]!);
  const data = makeData({ type: new Struct(schema.fields), length: 3, nullCount: 0, children });
  const writer = new RecordBatchStreamWriter();
  for (let at = 0; at < count; at += 1) writer.write(new RecordBatch(schema, data));
  writer.finish();
  return writer.toUint8Array(true);
}

async function opened(content: Uint8Array): Promise<ArrowStream> {
  const path = join(folder, "data.arrow");
  await writeFile(path, content);
  return ArrowStream.open(path);
}

describe("ArrowStream", () => {
  test("gives cells of every type that such files have, nulls as null", async () => {
    const stream = await opened(batches(2));
    expect(stream.columns).toEqual(NAMES);
    expect(stream.rows).toBe(6);
    expect(await stream.read([0, 1, 2], NAMES)).toEqual(ROWS);
    expect(await stream.read([5, 0], ["caption"])).toEqual([{ caption: "" }, { caption: "ü one" }]);
    await expect(stream.read([6], NAMES)).rejects.toThrow(RangeError);
    const scanned: unknown[] = [];
    for await (const row of stream.scan(["number"])) scanned.push(row);
    expect(scanned).toEqual([...ROWS, ...ROWS].map(({ number }) => ({ number })));
  });

  test("names the file format, which save_to_disk does not write", async () => {
    const table = tableFromArrays({ a: Float64Array.of(1, 2, 3) });
    await expect(opened(tableToIPC(table, "file"))).rejects.toThrow(
      "Arrow's file format, not in its streaming",
    );
  });

  test.each([
    ["is cut off", (content: Buffer) => content.subarray(0, content.length - 400)],
    ["begins otherwise", () => Buffer.from("this is no arrow file at all, is it")],
    ["has no schema", () => Buffer.from([255, 255, 255, 255, 0, 0, 0, 0])],
  ])("refuses a file that %s", async (_, change) => {
    await expect(opened(change(Buffer.from(batches(1))))).rejects.toThrow(DataError);
    await expect(opened(change(Buffer.from(batches(1))))).rejects.toThrow("cannot be read as Arrow");
  });
});
