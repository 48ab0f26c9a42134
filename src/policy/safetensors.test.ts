import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointError, EngineError } from "../errors.ts";
import { machineMemory } from "../machine-memory.ts";
import { SafetensorsFile } from "./safetensors.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file with this header and so many bytes after it. */
async function fileOf(header: unknown, content: Uint8Array): Promise<string> {
  const path = join(folder, "made.safetensors");
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  await writeFile(path, Buffer.concat([length, json, content]));
  return path;
}

function entry(dtype: string, shape: number[], begin: number, end: number): unknown {
  return { dtype, shape, data_offsets: [begin, end] };
}

describe("SafetensorsFile.open", () => {
  test.each([
    ["an overlap", { a: entry("F32", [2], 0, 8), b: entry("F32", [2], 4, 12) }, 12, /b: overlaps a/],
    ["a gap", { a: entry("F32", [1], 0, 4), b: entry("F32", [1], 8, 12) }, 12, /b: 4 stray bytes before it/],
    [
      "a truncated tensor",
      { a: entry("F32", [4], 0, 16) },
      12,
      /a: the file ends 4 bytes before the tensor does/,
    ],
    ["bytes left over", { a: entry("F32", [1], 0, 4) }, 12, /8 stray bytes after the last tensor/],
    [
      "a shape that needs another size",
      { a: entry("F32", [3], 0, 8) },
      8,
      /a: shape \[3\] in F32 needs 12 bytes, the header gives it 8/,
    ],
    ["an unknown type", { a: entry("F8_E4M3", [8], 0, 8) }, 8, /a: the type F8_E4M3 is not known/],
    ["a negative size", { a: entry("F32", [-2], 0, 8) }, 8, /a: its entry/],
    ["an entry without a place", { a: { dtype: "F32", shape: [2] } }, 8, /a: its entry/],
    [
      "a tensor with more axes than torch has",
      { a: entry("F32", Array(65).fill(1), 0, 4) },
      4,
      /a: it has 65 axes/,
    ],
    [
      "a tensor that stands twice in the header",
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      8,
      /a: twice in the header/,
    ],
    ["a header that is no JSON", "{ not json", 0, /the header is not JSON/],
    ["a header that is no object", "[]", 0, /the header is not a JSON object/],
  ])("%s is refused, naming file and tensor", async (_, header, bytes, message) => {
    const path = await fileOf(header, new Uint8Array(bytes));
    const attempt = SafetensorsFile.open(path);
    await expect(attempt).rejects.toThrow(CheckpointError);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(path);
  });

  test("a header that is no UTF-8 is refused", async () => {
    const path = await fileOf('{"a?": {}}', new Uint8Array());
    const bytes = await readFile(path);
    bytes[11] = 0xff;
    await writeFile(path, bytes);
    await expect(SafetensorsFile.open(path)).rejects.toThrow(/the header is not UTF-8/);
  });

  test("what is no plain file is refused before it is opened", async () => {
    await expect(SafetensorsFile.open(folder)).rejects.toThrow(/it is no plain file/);
    await expect(SafetensorsFile.open("/dev/zero")).rejects.toThrow(/it is no plain file/);
  });

  test("several bad tensors are told at once", async () => {
    const path = await fileOf({ a: entry("F9", [1], 0, 4), b: entry("F32", [9], 4, 8) }, new Uint8Array(8));
    await expect(SafetensorsFile.open(path)).rejects.toThrow(/a: the type[^]*b: shape/);
  });

  test("a file cut anywhere is refused", async () => {
    const whole = await readFile(
      await fileOf({ a: entry("F32", [2], 0, 8), b: entry("U8", [3], 8, 11) }, new Uint8Array(11)),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (length) => {
        const path = join(folder, "cut.safetensors");
        await writeFile(path, whole.subarray(0, length));
        await expect(SafetensorsFile.open(path)).rejects.toThrow(/cut\.safetensors is damaged/);
      }),
      { numRuns: 40 },
    );
  });

  test("a missing file is named", async () => {
    await expect(SafetensorsFile.open(join(folder, "none"))).rejects.toThrow(/Cannot open .*none/);
  });
});

describe("SafetensorsFile", () => {
  test("reads every type, in any order, at any alignment", async () => {
    const content = Buffer.alloc(1 + 4 + 2 + 2 + 8 + 4 + 8);
    content.writeUInt8(1, 0);
    content.writeFloatLE(1.5, 1);
    content.writeUInt16LE(0x3c00, 5);
    content.writeUInt16LE(0xbf80, 7);
    content.writeBigInt64LE(-5n, 9);
    content.writeInt32LE(-7, 17);
    content.writeDoubleLE(0.25, 21);
    const header = {
      __metadata__: { format: "pt" },
      flag: entry("BOOL", [1], 0, 1),
      single: entry("F32", [], 1, 5),
      half: entry("F16", [1, 1], 5, 7),
      brain: entry("BF16", [1], 7, 9),
      long: entry("I64", [1], 9, 17),
      int: entry("I32", [1], 17, 21),
      double: entry("F64", [1], 21, 29),
      none: entry("F32", [0, 4], 29, 29),
    };
    const file = await SafetensorsFile.open(await fileOf(header, content));
    expect(file.metadata).toEqual({ format: "pt" });
    expect([...(await file.read("double"))]).toEqual([0.25]);
    expect([...(await file.read("brain"))]).toEqual([-1]);
    expect([...(await file.read("half"))]).toEqual([1]);
    expect([...(await file.read("single"))]).toEqual([1.5]);
    expect([...(await file.read("none"))]).toEqual([]);
    expect(await file.readRaw("long")).toEqual({ type: "I64", shape: [1], values: BigInt64Array.of(-5n) });
    expect(await file.readRaw("int")).toEqual({ type: "I32", shape: [1], values: Int32Array.of(-7) });
    expect(await file.readRaw("flag")).toEqual({ type: "BOOL", shape: [1], values: Uint8Array.of(1) });
    expect(await file.readRaw("half")).toEqual({
      type: "F16",
      shape: [1, 1],
      values: Uint16Array.of(0x3c00),
    });
    await expect(file.read("long")).rejects.toThrow(/long is I64/);
    await expect(file.read("nothing")).rejects.toThrow(/no tensor nothing/);
    await file.close();
  });

  test("refuses a tensor beyond the machine's memory before it asks for the memory", async () => {
    const values = machineMemory() / 2;
    const path = await fileOf({ a: entry("F32", [values], 0, 4 * values) }, new Uint8Array());
    // Sparse: the file says that size and takes none of it.
    await truncate(path, (await stat(path)).size + 4 * values);
    const file = await SafetensorsFile.open(path);
    await expect(file.read("a")).rejects.toThrow(EngineError);
    await expect(file.read("a")).rejects.toThrow(/made\.safetensors: a takes .* of memory/);
    await expect(file.readRaw("a")).rejects.toThrow(/a takes/);
    await file.close();
    await rm(path);
  });

  test("reads what safetensors itself wrote", async () => {
    const file = await SafetensorsFile.open(
      join(import.meta.dirname, "../../test/fixtures/emu3-lm/model.safetensors"),
    );
    expect(file.entries.size).toBe(30);
    const norm = await file.read("model.norm.weight");
    expect(norm.length).toBe(64);
    expect(norm.every(Number.isFinite)).toBe(true);
    await file.close();
  });
});
