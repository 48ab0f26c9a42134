import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BenchmarkChoice } from "../open-benchmark.ts";
import { benchmark, examples, inData, PIXEL, repeated, writeParquet } from "./small-benchmarks.contract.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-benchmarks-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A parquet file with these columns. */
function write(name: string, file: string, columns: Record<string, unknown[]>): string {
  writeParquet(inData(folder, name, file), columns);
  return join(folder, name);
}

function emuedit(name: string, rows: number): string {
  return write(name, "test-00000-of-00001.parquet", {
    instruction: repeated(rows, (row) => `Edit ${row}`),
    image: repeated(rows, () => PIXEL),
    task: repeated(rows, () => "add"),
    idx: repeated(rows, (row) => row),
    input_caption: repeated(rows, (row) => `before ${row}`),
    output_caption: repeated(rows, (row) => `after ${row}`),
  });
}

describe("emuedit", () => {
  test("takes the rows of EARL's shuffle in its order, with captions", async () => {
    const edits = await examples("emuedit", emuedit("emu", 3589));
    expect(edits.count).toBe(1000);
    const rows = await edits.read([0, 1, 9, 999]);
    expect(rows.slice(0, 3)).toMatchObject([
      { id: "3047", instruction: "Edit 3047", captions: { source: "before 3047", target: "after 3047" } },
      { id: "2971" },
      { id: "551" },
    ]);
    await expect(edits.read([1000])).rejects.toThrow(RangeError);
  });

  test("refuses the set whose splits are called the other way round", async () => {
    await expect(examples("emuedit", emuedit("swapped", 2022))).rejects.toThrow(
      "has 2022 rows, EmuEdit's test split has 3589",
    );
  });

  test("takes the measures that need no model, and says which are its own", () => {
    const { name, measures } = benchmark("emuedit", folder);
    expect([name, ...measures.map((one) => one.name)]).toEqual(["emuedit", "reward", "l1_source"]);
  });
});

describe("aurora", () => {
  const SOURCES = ["magicbrush", "ag", "something", "clevr", "whatsup", "emu", "epic", "kubric"];
  const aurora = (name: string, sources: string[]): string =>
    write(name, "test-00000-of-00001.parquet", {
      input: sources.map(() => PIXEL),
      instruction: sources.map((_, row) => `Edit ${row}`),
      source: sources,
    });

  test("has 50 edits of each source, named by their rows", async () => {
    const edits = await examples(
      "aurora",
      aurora(
        "aurora",
        SOURCES.flatMap((source) => repeated(50, () => source)),
      ),
    );
    expect(edits.count).toBe(400);
    expect(await edits.read([51])).toMatchObject([{ id: "51", task: "ag", instruction: "Edit 51" }]);
  });

  test("names the source of which rows are missing", async () => {
    const wrong = SOURCES.flatMap((source) => repeated(50, () => (source === "epic" ? "emu" : source)));
    await expect(examples("aurora", aurora("aurora-wrong", wrong))).rejects.toThrow(
      'has 100 rows of source "emu", AURORA-Bench has 50',
    );
  });
});

test("omniedit refuses a dev split of another size", async () => {
  const directory = write("omni", "dev-00000-of-00001.parquet", {
    omni_edit_id: repeated(690, (row) => `task_obj_add_${row}`),
    task: repeated(690, () => "style"),
  });
  await expect(examples("omniedit", directory)).rejects.toThrow("has 690 rows, OmniEdit dev has 700");
});

test("vismin reads both files, whose names are the tasks, and misses one that is not there", async () => {
  const file = (task: string): string =>
    write("vismin", `train/${task}-00001.parquet`, {
      id: [1, 2],
      source_image: [PIXEL, PIXEL],
      edited_image: [PIXEL, PIXEL],
      edit_instruction: ["edit_instruction: Add a cat", "Swap them"],
    });
  mkdirSync(join(folder, "vismin/data/train"), { recursive: true });
  await expect(examples("vismin", file("counting"))).rejects.toThrow("has no file of relation");
  const edits = await examples("vismin", file("relation"));
  expect(await edits.read([0, 3])).toMatchObject([
    { id: "counting-1", task: "counting", instruction: "Add a cat" },
    { id: "relation-2", task: "relation", instruction: "Swap them" },
  ]);
});

describe("a partial set", () => {
  test("is taken as it is where it is asked for, and says of itself that it is one", async () => {
    const directory = emuedit("emu-partial", 5);
    const edits = await examples("emuedit", directory, true);
    expect(edits.count).toBe(5);
    const ids = (await edits.read([0, 1, 2, 3, 4])).map((row) => ("id" in row ? row.id : row.broken));
    expect(ids.toSorted()).toEqual(["0", "1", "2", "3", "4"]);
    // In the order of the whole set's shuffle.
    expect(ids).not.toEqual(ids.toSorted());
    expect(benchmark("emuedit", directory, true).isPartial).toBe(true);
    expect(benchmark("emuedit", directory).isPartial).toBe(false);
    await expect(examples("emuedit", directory)).rejects.toThrow("has 5 rows");
  });

  test("is where a benchmark is published unless a folder is given", () => {
    const choice = BenchmarkChoice.parse({ kind: "omniedit" });
    expect(choice).toMatchObject({ directory: "hf://TIGER-Lab/OmniEdit-Filtered-1.2M", partial: false });
  });
});
