import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ShapeError } from "../errors.ts";
import { BYTES_OF } from "./safetensors-header.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { SafetensorsWriter } from "./safetensors-writer.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-safetensors-writer-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("SafetensorsWriter", () => {
  test("what is written is read back bit for bit, whatever the order", async () => {
    const tensors = fc.uniqueArray(
      fc.tuple(fc.stringMatching(/^[a-z.]{1,8}$/), fc.float32Array({ maxLength: 9, noNaN: true })),
      { selector: ([name]) => name, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(tensors, async (pairs) => {
        const path = join(folder, "written.safetensors");
        const plan = pairs.map(([name, values]) => ({ name, shape: [values.length] }));
        const writer = await SafetensorsWriter.create(path, plan, "F32");
        for (const [name, values] of pairs.toReversed()) await writer.write(name, values);
        await writer.finish();

        const bytes = await readFile(path);
        expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
        const file = await SafetensorsFile.open(path);
        expect([...file.entries.keys()]).toEqual(pairs.map(([name]) => name).toSorted());
        for (const [name, values] of pairs) expect(await file.read(name)).toEqual(values);
        await file.close();
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ["F16", 2 ** -10],
    ["BF16", 2 ** -7],
  ] as const)("%s keeps values to its precision", async (type, precision) => {
    const values = Float32Array.from({ length: 50 }, (_, index) => 1 + index ** 2 / 7);
    const path = join(folder, `${type}.safetensors`);
    const writer = await SafetensorsWriter.create(path, [{ name: "x", shape: [50] }], type);
    await writer.write("x", values);
    await writer.finish();
    const file = await SafetensorsFile.open(path);
    const read = await file.read("x");
    await file.close();
    for (const [index, value] of values.entries()) {
      expect(Math.abs((read[index] ?? NaN) - value)).toBeLessThanOrEqual((value * precision) / 2);
    }
  });

  test.each([
    ["F16", 65_519, 65_520],
    ["BF16", 3.396e38, 3.4e38],
  ] as const)("%s refuses a number that would be rounded to infinity", async (type, held, beyond) => {
    const plan = [{ name: "x", shape: [2] }];
    const writer = await SafetensorsWriter.create(join(folder, "overflow"), plan, type);
    await expect(writer.write("x", Float32Array.of(1, -beyond))).rejects.toThrow(
      /overflow: x has values that b?float16 cannot hold/,
    );
    await writer.write("x", Float32Array.of(held, NaN));
    await writer.finish();
  });

  test("types may be mixed, each at a multiple of its own width", async () => {
    const path = join(folder, "mixed.safetensors");
    const plan = [
      { name: "a", shape: [3], type: "BF16" },
      { name: "b", shape: [1], type: "F32" },
      { name: "c", shape: [1] },
    ] as const;
    const writer = await SafetensorsWriter.create(path, plan, "F16");
    await writer.write("a", Float32Array.of(1, 2, 3));
    await writer.write("b", Float32Array.of(0.1));
    await writer.write("c", Float32Array.of(0.5));
    await writer.finish();
    const file = await SafetensorsFile.open(path);
    expect(await file.read("a")).toEqual(Float32Array.of(1, 2, 3));
    expect(await file.read("b")).toEqual(Float32Array.of(0.1));
    expect(await file.read("c")).toEqual(Float32Array.of(0.5));
    for (const { type, begin } of file.entries.values()) expect(begin % BYTES_OF[type]).toBe(0);
    await file.close();
  });

  test("a tensor that was not planned, comes twice, has another size or never comes is refused", async () => {
    const writer = await SafetensorsWriter.create(
      join(folder, "w.safetensors"),
      [{ name: "x", shape: [2] }],
      "F32",
    );
    await expect(writer.write("y", new Float32Array(2))).rejects.toThrow(/y is not among/);
    await expect(writer.write("x", new Float32Array(3))).rejects.toThrow(/x has 3 values, its shape needs 2/);
    await expect(writer.finish()).rejects.toThrow(ShapeError);
    await writer.write("x", new Float32Array(2));
    await expect(writer.write("x", new Float32Array(2))).rejects.toThrow(/x is not among/);
    await writer.finish();
  });

  test("a folder that is not there is named", async () => {
    await expect(SafetensorsWriter.create(join(folder, "no/x"), [], "F32")).rejects.toThrow(
      /Cannot write .*no.x/,
    );
  });
});
