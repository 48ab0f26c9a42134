import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { isBroken, type EditDataset } from "../edit-dataset.ts";
import { ThoughtFile } from "./thought-file.ts";
import { withThoughts } from "./with-thoughts.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-thoughts-"));
  path = join(folder, "thoughts.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const rowOf = (id: string, describe_ = "ä cat"): { id: string; thought: Record<string, string> } => ({
  id,
  thought: { describe: describe_, locate: "cat [1, 2, 3, 4]", change: "it goes", result: "a sofa" },
});

describe("ThoughtFile", () => {
  test("gives back by id what was added, in this sitting and the next", async () => {
    const file = await ThoughtFile.open(path, { writes: true });
    for (const id of ["b", "ü", "a"]) await file.add(rowOf(id));
    expect(await file.read(["a", "nobody", "ü"])).toEqual([rowOf("a"), undefined, rowOf("ü")]);
    const again = await ThoughtFile.open(path);
    expect([again.count, again.has("b"), again.has("c")]).toEqual([3, true, false]);
    expect(await again.read(["ü", "b"])).toEqual([rowOf("ü"), rowOf("b")]);
  });

  test("takes away a line that a killed process left, and goes on behind the last whole one", async () => {
    const file = await ThoughtFile.open(path, { writes: true });
    await file.add(rowOf("a"));
    appendFileSync(path, '{"id":"b","thought":{"describe":"a d');
    expect((await ThoughtFile.open(path)).count).toBe(1);
    const again = await ThoughtFile.open(path, { writes: true });
    await again.add(rowOf("c"));
    const lines = readFileSync(path, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(["a", "c"]);
    expect(await again.read(["c"])).toEqual([rowOf("c")]);
  });

  test.each([
    ["what is no JSON", "one\ntwo\n", ":1 is not JSON"],
    ["a row without an id", '{"thought": "x"}\n', ":1 is no thought: id"],
    ["a picture", "\u0089PNG", ":1 is not JSON"],
  ])("names the line of %s", async (_, text, message) => {
    writeFileSync(path, text);
    await expect(ThoughtFile.open(path)).rejects.toThrow(message);
    await expect(ThoughtFile.open(path, { writes: true })).rejects.toThrow(message);
    expect(readFileSync(path, "utf8")).toBe(text);
  });

  test("says that there is none", async () => {
    await expect(ThoughtFile.open(path)).rejects.toThrow("there is nothing");
    await expect(ThoughtFile.open(folder, { writes: true })).rejects.toThrow("there is a folder");
  });
});

describe("withThoughts", () => {
  const dataset: EditDataset = {
    split: "train",
    directory: "in memory",
    count: 4,
    repeated: 0,
    files: [],
    notices: [],
    read: async (indices) =>
      indices.map((row) =>
        row === 3
          ? { origin: "row 3", broken: "it is cut" }
          : { id: `r${row}`, task: "t", instruction: "i", source: new Uint8Array([1]), thought: "its own" },
      ),
  };
  const thoughtsOf = async (one: EditDataset): Promise<(string | undefined)[]> =>
    (await one.read([0, 1, 2, 3, 0])).map((row) => (isBroken(row) ? "broken" : row.thought));

  test("joins by id, whatever the order of the file, and leaves other rows their own", async () => {
    writeFileSync(
      path,
      `${JSON.stringify({ id: "r2", thought: " one text " })}\n${JSON.stringify(rowOf("r0"))}\n`,
    );
    const joined = await withThoughts(dataset, { thoughtsFrom: path });
    const whole = "describe: ä cat locate: cat [1, 2, 3, 4] change: it goes result: a sofa";
    expect(await thoughtsOf(joined)).toEqual([whole, "its own", "one text", "broken", whole]);
    expect(joined.files).toEqual([{ path, rows: 2, folder }]);
    const some = await withThoughts(dataset, { thoughtsFrom: path, thoughtParts: ["change", "locate"] });
    expect((await thoughtsOf(some))[0]).toBe("change: it goes locate: cat [1, 2, 3, 4]");
  });

  test("hands on the size that boxes are counted in, where the file says it", async () => {
    writeFileSync(
      path,
      `${JSON.stringify({ ...rowOf("r0"), size: [64, 32] })}\n${JSON.stringify(rowOf("r1"))}\n`,
    );
    const joined = await withThoughts(dataset, { thoughtsFrom: path });
    const rows = await joined.read([0, 1]);
    expect(rows.map((row) => (isBroken(row) ? "broken" : row.thoughtSize))).toEqual([[64, 32], undefined]);
  });

  test("says so where the file seems to be of another dataset", async () => {
    writeFileSync(path, `${JSON.stringify(rowOf("other"))}\n`);
    const joined = await withThoughts(dataset, { thoughtsFrom: path });
    expect(joined.notices.join()).toContain("none of the first 4 rows has a thought");
  });
});
