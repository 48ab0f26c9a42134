import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { DataError } from "../../errors.ts";
import { bytesSource } from "./byte-source.ts";
import { DamagedRow } from "./row-table.ts";
import { TextTable } from "./text-table.ts";

const tableOf = (name: string, content: string): Promise<TextTable> =>
  TextTable.of(bytesSource(name, Buffer.from(content)));

async function all(table: TextTable): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of table.scan()) rows.push(row);
  expect(await table.read(rows.map((_, at) => at))).toEqual(rows);
  return rows;
}

const record = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), { minKeys: 1 });

describe("TextTable", () => {
  test("gives every record of a JSON array and of JSON lines, whatever stands in them", async () => {
    const property = fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(0, 2),
      async (records, indent) => {
        const parsed = JSON.parse(JSON.stringify(records)) as unknown[];
        expect(await all(await tableOf("a.json", JSON.stringify(records, undefined, indent)))).toEqual(
          parsed,
        );
        const lines = records.map((one) => JSON.stringify(one)).join("\r\n\n");
        expect(await all(await tableOf("a.jsonl", `\uFEFF${lines}\n`.slice(1)))).toEqual(parsed);
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  test("reads CSV with quotes, commas and newlines in its cells", async () => {
    const cells = fc.array(
      fc.tuple(fc.string(), fc.string({ unit: fc.constantFrom('"', ",", "\n", "a", "ü") })),
      {
        minLength: 1,
        maxLength: 5,
      },
    );
    const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
    const property = fc.asyncProperty(cells, async (rows) => {
      const lines = ["one,two", ...rows.map((row) => row.map(quoted).join(","))];
      const table = await tableOf("a.csv", lines.join("\n"));
      expect(table.columns).toEqual(["one", "two"]);
      expect(await all(table)).toEqual(rows.map(([one, two]) => ({ one, two })));
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test("gives a record that is none as a damaged row, and its neighbours as they are", async () => {
    const rows = await all(await tableOf("a.jsonl", '{"a":1}\n{"a":\n[1]\n{"a":2}'));
    expect(rows.map((row) => row instanceof DamagedRow)).toEqual([false, true, true, false]);
    expect(rows[1]).toEqual(new DamagedRow("it is no JSON"));
    const csv = await all(await tableOf("a.csv", "a,b\n1,2\n1\n3,4"));
    expect(csv[1]).toEqual(new DamagedRow("it has 1 cells for 2 columns"));
  });

  test("refuses a list that is cut off, and what is no list", async () => {
    await expect(tableOf("a.json", '[{"a": 1}, {"a"')).rejects.toThrow("a.json is cut off");
    await expect(tableOf("a.json", "hello")).rejects.toThrow(DataError);
  });

  test("finds records in a file without holding it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "earl-text-"));
    const path = join(folder, "train.jsonl");
    const line = (at: number): string => JSON.stringify({ at, filler: "x".repeat(1000) });
    await writeFile(path, Array.from({ length: 5000 }, (_, at) => line(at)).join("\n"));
    const table = await TextTable.open(path);
    expect(table.rows).toBe(5000);
    expect(await table.read([4999, 0])).toMatchObject([{ at: 4999 }, { at: 0 }]);
    await rm(folder, { recursive: true });
  });
});
