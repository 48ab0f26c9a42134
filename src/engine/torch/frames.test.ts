import { describe, expect, test } from "vitest";

import { EngineError } from "../../errors.ts";
import { FrameReader, framePieces, type FrameArray } from "./frames.ts";

const ARRAYS = new Map<string, FrameArray>([
  ["weights", Float32Array.of(1.5, Number.NaN, -0)],
  ["0|ids", BigInt64Array.of(1n, -(2n ** 62n))],
  ["empty", new Float32Array()],
  ["marks", Int32Array.of(7)],
]);
const bytesOf = (message: unknown, arrays?: ReadonlyMap<string, FrameArray>): Buffer =>
  Buffer.concat(framePieces(message, arrays));

describe("a frame", () => {
  test.each([1, 7, 8, 1000])("comes back from a stream that is cut every %i bytes", (size) => {
    const stream = Buffer.concat([bytesOf({ step: 1 }, ARRAYS), bytesOf("ä"), bytesOf(null, ARRAYS)]);
    const reader = new FrameReader();
    const frames = [];
    for (let at = 0; at < stream.length; at += size)
      frames.push(...reader.take(stream.subarray(at, at + size)));
    expect(frames.map(({ message }) => message)).toEqual([{ step: 1 }, "ä", null]);
    expect(frames.map(({ arrays }) => arrays)).toEqual([ARRAYS, new Map(), ARRAYS]);
  });

  test("is a safetensors file behind its length", () => {
    const bytes = bytesOf({ call: "step" }, ARRAYS);
    expect(Number(bytes.readBigUInt64LE(0))).toBe(bytes.length - 8);
    const header = Number(bytes.readBigUInt64LE(8));
    expect(header % 8).toBe(0);
    const parsed = JSON.parse(bytes.subarray(16, 16 + header).toString()) as Record<string, unknown>;
    expect(parsed["weights"]).toEqual({ dtype: "F32", shape: [3], data_offsets: [0, 12] });
  });

  test("that is none is refused with what to do", () => {
    const junk = Buffer.alloc(32, 0x41);
    junk.writeBigUInt64LE(24n, 0);
    expect(() => new FrameReader().take(junk)).toThrow(EngineError);
  });
});
