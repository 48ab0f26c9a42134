import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { isBroken, type EditDataset } from "./edit-dataset.ts";
import { keptKeys, keyOf } from "./kept-keys.ts";
import { withoutRows } from "./without-rows.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-without-"));
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
});
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Rows named a0, a1, …; `asked` counts what was read. */
function rowsOf(count: number, prefix = "a"): EditDataset & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    split: "train",
    directory: `in memory ${count}`,
    count,
    repeated: 0,
    files: [],
    notices: [],
    read: async (indices) => {
      asked.push(...indices);
      return indices.map((row) =>
        row === 4
          ? { origin: "row 4", broken: "it is cut" }
          : { id: `${prefix}${row}`, task: "t", instruction: "i", source: new Uint8Array([row]) },
      );
    },
  };
}

function fileOf(...lines: readonly string[]): string {
  const path = join(folder, "left-out.jsonl");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

describe("withoutRows", () => {
  const options = { kind: "memory" };

  test("leaves out ids, objects with an id, and pairs of earl data overlap; broken rows stay", async () => {
    const pair = '{"one":{"id":"a5","row":5,"side":"source"},"other":{"id":"b1","row":1,"side":"source"}}';
    const file = fileOf("a1", '{"id": "a3"}', "", pair, "nobody");
    const fewer = await withoutRows(rowsOf(7), file, { options });
    const rows = await fewer.read([0, 1, 2, 3]);
    expect(rows.map((row) => (isBroken(row) ? row.origin : row.id))).toEqual(["a0", "a2", "row 4", "a6"]);
    expect(fewer.count).toBe(4);
    expect(fewer.notices).toEqual([`3 of 7 rows are left out, as ${file} says.`]);
    expect(fewer.files).toEqual([{ path: file, rows: 4, folder }]);
    await expect(fewer.read([4])).rejects.toThrow(RangeError);
  });

  test("says what is wrong with the file", async () => {
    const opened = (file: string): Promise<EditDataset> => withoutRows(rowsOf(2), file, { options });
    await expect(opened(join(folder, "none"))).rejects.toThrow("Cannot read the rows to leave out");
    await expect(opened(fileOf("a0", '{"row": 3}'))).rejects.toThrow(":2 names no row");
    await expect(opened(fileOf("a0", "a1"))).rejects.toThrow("names every row of in memory 2");
  });
});

describe("keptKeys", () => {
  const reading = (options: unknown) => ({
    name: "test",
    options,
    columns: 1,
    keysOf: ({ id }: { readonly id: string }) => [keyOf(id)],
  });

  test("reads rows once, and anew where options or the dataset are others", async () => {
    const dataset = rowsOf(10);
    const [keys] = await keptKeys(dataset, reading({ parts: ["ag"] }));
    expect(keys![3]).toBe(keyOf("a3"));
    expect(dataset.asked).toHaveLength(10);
    expect(await keptKeys(dataset, reading({ parts: ["ag"] }))).toEqual([keys]);
    expect(dataset.asked).toHaveLength(10);
    // Equal files and as many rows, but others.
    const [others] = await keptKeys(rowsOf(10, "b"), reading({ parts: ["kubric"] }));
    expect(others![3]).toBe(keyOf("b3"));
  });
});
