import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../../errors.ts";
import { Rng } from "../../random.ts";
import { ParquetFile } from "./parquet-file.ts";
import { DamagedRow, type TableRecord } from "./row-table.ts";

/** Written by pyarrow, 40 rows in two row groups, pages of 200 bytes. */
const FIXTURES = join(import.meta.dirname, "../../../test/fixtures/parquet");
const OMNIEDIT = join(
  import.meta.dirname,
  "../../../test/fixtures/datasets/omniedit/data/dev-00000-of-00001.parquet",
);
const COLUMNS = ["omni_edit_id", "text", "blob"];

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-parquet-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The fixture's row of a number. */
const rowOf = (index: number): TableRecord => ({
  omni_edit_id: `example ${index}`,
  text: `paint square ${index} in colour ${(index * 7) % 13}`,
  blob: new Uint8Array(30).fill(index),
});

async function opened(content: Uint8Array): Promise<ParquetFile> {
  const path = join(folder, "train.parquet");
  await writeFile(path, content);
  return ParquetFile.open(path);
}

describe("ParquetFile", () => {
  test.each(["no-checksums", "page-checksums", "page-checksums-v2"])("reads %s", async (name) => {
    const file = await ParquetFile.open(join(FIXTURES, `${name}.parquet`));
    expect(file.rows).toBe(40);
    expect(file.columns).toEqual(COLUMNS);
    expect(await file.read([39, 0, 21, 0], COLUMNS)).toEqual([39, 0, 21, 0].map(rowOf));
    const ids: unknown[] = [];
    for await (const record of file.scan(["omni_edit_id"])) {
      ids.push(record instanceof DamagedRow ? record : record["omni_edit_id"]);
    }
    expect(ids).toEqual(numbers(40).map((index) => `example ${index}`));
  });

  test("reads the file that is there when it is opened, whatever was read under its name before", async () => {
    const path = join(folder, "train.parquet");
    const write = async (words: string[]): Promise<void> => {
      await writeFile(
        path,
        new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "word", data: words }] })),
      );
    };
    for (const words of [["one"], ["two"]]) {
      await write(words);
      expect(await (await ParquetFile.open(path)).read([0], ["word"])).toEqual([{ word: words[0] }]);
    }
  });

  test("tries again after a fault of the disk, which costs no row", async () => {
    const path = join(folder, "train.parquet");
    await copyFile(join(FIXTURES, "no-checksums.parquet"), path);
    const file = await ParquetFile.open(path);
    await rm(path);
    await expect(file.read([0], COLUMNS)).rejects.toThrow(DataError);
    await copyFile(join(FIXTURES, "no-checksums.parquet"), path);
    expect(await file.read([0], COLUMNS)).toEqual([rowOf(0)]);
  });

  test("gives rows behind which the file ends as damaged, the others as they are", async () => {
    const path = join(folder, "train.parquet");
    await copyFile(join(FIXTURES, "no-checksums.parquet"), path);
    const file = await ParquetFile.open(path);
    await truncate(path, 1000);
    const rows = await file.read(numbers(40), ["omni_edit_id"]);
    expect(rows[0]).toEqual({ omni_edit_id: "example 0" });
    expect(rows[39]).toBeInstanceOf(DamagedRow);
  });

  test("refuses a footer that promises more rows than the file can hold", async () => {
    const columnData = [{ name: "flag", data: Array.from({ length: 100_000 }, () => true) }];
    await expect(opened(new Uint8Array(parquetWriteBuffer({ columnData })))).rejects.toThrow(
      "it says that it has 100000 rows",
    );
  });
});

describe("a page whose bytes give another checksum", () => {
  test.each(["page-checksums", "page-checksums-v2"])("is damaged (%s)", async (name) => {
    const content = await readFile(join(FIXTURES, `${name}.parquet`));
    const at = content.indexOf("square 30");
    const changed = Buffer.from(content);
    // The text stays a text, so nothing but the checksum can tell.
    changed[at] = changed[at]! ^ 1;
    const rows = await (await opened(changed)).read(numbers(40), ["text"]);
    expect(rows[0]).toEqual({ text: rowOf(0)["text"] });
    expect(rows[30]).toEqual(new DamagedRow("a page's checksum differs from its bytes"));
  });

  test("goes unnoticed where the file has none", async () => {
    const content = await readFile(join(FIXTURES, "no-checksums.parquet"));
    content[content.indexOf("square 30")]! ^= 1;
    const [row] = await (await opened(content)).read([30], ["text"]);
    expect(row).toEqual({ text: "paint rquare 30 in colour 2" });
  });
});

describe("a damaged file", () => {
  const sources = ["no-checksums", "page-checksums", "page-checksums-v2"].map((name) =>
    join(FIXTURES, `${name}.parquet`),
  );
  // A rejection that nobody handles would fail the run of all tests.
  test.each([...sources, OMNIEDIT].map((source) => [basename(source), source] as const))(
    "ends in rows, damaged rows or a DataError: %s",
    async (_name, source) => {
      const whole = await readFile(source);
      const rng = Rng.from(1, whole.length);
      const outcomes = { rows: 0, damaged: 0, refused: 0 };
      for (let round = 0; round < 150; round += 1) {
        const content = Buffer.from(whole);
        for (let flip = 0; flip <= rng.integer(4); flip += 1) {
          // Half of them in the footer, where everything else is described.
          const at =
            rng.integer(2) === 0 ? rng.integer(content.length) : content.length - 1 - rng.integer(1500);
          content[at]! ^= 1 << rng.integer(8);
        }
        const outcome = await outcomeOf(content.subarray(0, rng.integer(20) === 0 ? 1000 : undefined));
        outcomes[outcome] += 1;
      }
      expect(outcomes.rows).toBeGreaterThan(0);
      expect(outcomes.refused).toBeGreaterThan(0);
    },
  );

  async function outcomeOf(content: Uint8Array): Promise<"rows" | "damaged" | "refused"> {
    try {
      const file = await opened(content);
      const columns = file.columns.slice(0, 5);
      const rows = await file.read(numbers(file.rows), columns);
      return rows.some((row) => row instanceof DamagedRow) ? "damaged" : "rows";
    } catch (error) {
      if (error instanceof DataError) return "refused";
      throw error;
    }
  }
});
