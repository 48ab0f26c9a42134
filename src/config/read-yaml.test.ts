import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { parseYaml, readTextFile, YamlFaults } from "./read-yaml.ts";

function faultsOf(text: string): readonly string[] {
  try {
    parseYaml(text);
  } catch (error) {
    if (error instanceof YamlFaults) return error.faults;
    throw error;
  }
  throw new Error("The text was accepted.");
}

const BOMB = ["a: &a [x, x, x, x, x, x, x, x, x]"]
  .concat(
    "bcdefghi".split("").map((name, index) => `${name}: &${name} [${`*${"abcdefgh"[index]}, `.repeat(9)}]`),
  )
  .join("\n");

describe("parseYaml", () => {
  test("copies what an alias stands for, so that one place can be changed", () => {
    const { value } = parseYaml("one: &shared { x: 1 }\nother: *shared\n") as {
      value: { one: { x: number }; other: { x: number } };
    };
    value.one.x = 2;
    expect(value.other.x).toBe(1);
  });

  test("says the line of a key, also in lists, or of what is around it", () => {
    const text = parseYaml("a: 1\nrewards:\n  - kind: x\n  - kind: y\n    parts:\n      - z: 1\n");
    expect(text.lineOf(["a"])).toBe(1);
    expect(text.lineOf(["rewards", "1", "kind"])).toBe(4);
    expect(text.lineOf(["rewards", "1", "parts", "0", "z"])).toBe(6);
    expect(text.lineOf(["rewards", "1", "parts", "7", "z"])).toBe(5);
    expect(text.lineOf(["rewards", "4"])).toBe(2);
    expect(text.lineOf(["b"])).toBeUndefined();
  });

  test.each([
    ["aliases that stand for billions", BOMB, /aliases stand for too much/],
    ["an alias of nothing", "a: *b", /Unresolved alias .*: b/],
    ["an alias of itself", "a: &a [*a]", /nested more than 32 deep|aliases/],
    ["lists in lists", `a: ${"[".repeat(40)}${"]".repeat(40)}`, /nested more than 32 deep/],
    ["a hundred thousand brackets", `a: ${"[".repeat(100_000)}`, /nested|1:/],
    ["a hundred thousand indents", "- ".repeat(50_000), /nested|1:/],
    ["twenty thousand values and one", `[${"1,".repeat(20_001)}]`, /more than 20000 values/],
    ["an unknown tag", "a: !!js/function 'x'", /1:4: .*tag/],
    ["two documents", "a: 1\n---\nb: 1", /documents/],
    ["a name that objects have", '{ "__proto__": { "x": 1 } }', /"__proto__" is not a setting/],
    ["a name of that kind in a list", "a: [{ constructor: 1 }]", /"constructor" is not a setting/],
  ])("refuses %s in a sentence", (_, text, message) => {
    const faults = faultsOf(text);
    expect(faults[0]).toMatch(message);
    expect(faults[0]).not.toContain("\n");
    expect(Object.prototype).not.toHaveProperty("x");
  });

  test("escapes what would reach the terminal", () => {
    expect(faultsOf('"a\u001b[2J": 1\n"a\u001b[2J": 2').join()).not.toContain("\u001b");
  });
});

describe("readTextFile", () => {
  const written = (bytes: Buffer | string): string => {
    const path = join(mkdtempSync(join(tmpdir(), "earl-yaml-")), "config.yaml");
    writeFileSync(path, bytes);
    return path;
  };

  test("reads text, with or without a mark of byte order", () => {
    expect(readTextFile(written("name: größer\n"))).toBe("name: größer\n");
    expect(readTextFile(written("\ufeffname: x\n"))).toBe("name: x\n");
  });

  test("refuses what is larger than a config, a device too, and what is no text", () => {
    expect(() => readTextFile(written("#".repeat(256 * 1024 + 1)))).toThrow("larger than 256 KiB");
    expect(() => readTextFile("/dev/zero")).toThrow("larger than 256 KiB");
    expect(() => readTextFile(written(Buffer.from([0xff, 0xfe, 0x61, 0])))).toThrow("not UTF-8 text");
  });
});
