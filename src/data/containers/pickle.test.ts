import { readFile } from "node:fs/promises";
import { join } from "node:path";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { zipOf } from "../../../test/small/zip-of.ts";
import { readStoredEdit } from "./code-grid-file.ts";
import { readPickle } from "./pickle.ts";

const FILE = join(import.meta.dirname, "../../../test/fixtures/datasets/pth/feature/ex_3_0.pth");
const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("readPickle", () => {
  test.each([
    // What `pickle.dumps` makes of an object whose __reduce__ returns (os.system, ("touch x",)).
    ["os.system", "\x80\x02cposix\nsystem\nX\x07\0\0\0touch x\x85R."],
    ["builtins.eval", "\x80\x02cbuiltins\neval\nX\x01\0\0\x001\x85R."],
    ["builtins.getattr", "\x80\x04\x8c\x08builtins\x8c\x07getattr\x93."],
    ["numpy.load", "\x80\x02cnumpy\nload\n."],
    ["torch._utils._rebuild_tensor_v2", "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n."],
  ])("does not run %s", (name, program) => {
    expect(() => readPickle(bytes(program))).toThrow(
      /asks for ".*", which no code grid needs; it is not run/,
    );
    expect(() => readPickle(bytes(program))).toThrow(name.split(".").at(-1));
  });

  test.each([
    ["persistent ids", "\x80\x02X\x01\0\0\0aQ.", "0x51"],
    ["instances", "\x80\x02(ios\nsystem\n.", "0x69"],
    ["extension codes", "\x80\x02\x82\x01.", "0x82"],
    ["objects made by NEWOBJ", "\x80\x02cnumpy\nndarray\n)\x81.", "0x81"],
  ])("has no opcode for %s", (_, program, opcode) => {
    expect(() => readPickle(bytes(program))).toThrow(opcode);
  });

  test.each([
    ["an empty one", ""],
    ["a cut one", "\x80\x02}X\xff\xff\xff\x7fa"],
    ["one that pops an empty stack", "\x80\x02s."],
    ["one that refers to nothing", "\x80\x02h\x05."],
    ["one that gives a name as its value", "\x80\x02cnumpy\nndarray\n."],
    ["one that calls a number", "\x80\x02K\x01)R."],
    ["a list within itself", "\x80\x02]q\0h\0a."],
  ])("refuses %s", (_, program) => {
    expect(() => readPickle(bytes(program))).toThrow(/the pickle/);
  });

  test("reads plain values of protocols 2 to 4", () => {
    // {"a": [1, -2, 2**40, 1.5, None, True, (1, 2)]}
    const two =
      "\x80\x02}X\x01\0\0\0a](K\x01J\xfe\xff\xff\xff\x8a\x06\0\0\0\0\0\x01G?\xf8\0\0\0\0\0\0N\x88K\x01K\x02\x86es.";
    expect(readPickle(bytes(two))).toEqual(new Map([["a", [1, -2, 2 ** 40, 1.5, null, true, [1, 2]]]]));
    expect(readPickle(bytes("\x80\x04\x95\x05\0\0\0\0\0\0\0\x8c\x02hi\x94."))).toBe("hi");
  });

  test("ends, whatever the bytes", () => {
    const outcome = (given: Uint8Array): unknown => {
      try {
        return readPickle(given);
      } catch (error) {
        return error instanceof RangeError || error instanceof TypeError ? error : undefined;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (given) => {
        expect(outcome(given)).not.toBeInstanceOf(Error);
      }),
      { numRuns: 500 },
    );
  });
});

describe("readStoredEdit", () => {
  test("refuses what torch.save did not write, and what is no grid", async () => {
    await expect(readStoredEdit(zipOf({ other: bytes("x") }))).rejects.toThrow("no data.pkl");
    await expect(readStoredEdit(zipOf({ "a/data.pkl": bytes("\x80\x02}.") }))).rejects.toThrow(
      "original_image is no array of NumPy",
    );
    const { source } = await readStoredEdit(await readFile(FILE));
    expect(source).toMatchObject({ rows: 4, columns: 4 });
    expect(source.codes[0]).toBe(26796);
  });
});
