import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { numpyPermutation } from "../../data/numpy-permutation.ts";
import { I2EBENCH_TASKS } from "./i2ebench-tasks.ts";
import { benchmark, examples, PIXEL, writeParquet, writeText } from "./small-benchmarks.contract.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-i2ebench-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FILE = "i2ebench-dataset.parquet";
const GT = Uint8Array.of(7);

/** EARL's file, `take` rows of it in the order of the tasks. */
function earls(name: string, take: (task: string, rows: number) => number): string {
  const rows = Object.entries(I2EBENCH_TASKS).flatMap(([task, { rows: count }]) =>
    Array.from({ length: take(task, count) }, (_, at) => ({ task, id: at })),
  );
  const isAsked = (task: string): boolean => task === "Counting";
  writeParquet(join(folder, name, FILE), {
    task: rows.map(({ task }) => task),
    sample_id: rows.map(({ id }) => String(id)),
    instruction: rows.map(({ task, id }) => `${task} ${id}`),
    image: rows.map(() => PIXEL),
    Evaluation: rows.map(({ task }) => (isAsked(task) ? "How many cups are there?" : "")),
    Answer: rows.map(({ task }) => (isAsked(task) ? "Two" : "")),
    style: rows.map(({ task }) => (task === "StyleAlteration" ? "an image with cyberpunk style" : "")),
  });
  return join(folder, name);
}

/** The archive's folder with one edit of each task that is named. */
function editData(name: string, tasks: Readonly<Record<string, Record<string, unknown>>>): string {
  for (const [task, asked] of Object.entries(tasks)) {
    const own = join(folder, name, "EditData", task);
    const edit = { image: "0001.png", ori_exp: `${task} 0`, div_exp: "Another", ...asked };
    writeText(join(own, `${task}.json`), JSON.stringify({ "0": edit }));
    writeText(join(own, "input", "0001.png"), PIXEL);
    writeText(join(own, "gt", "0001.png"), GT);
    writeText(join(own, "mask", "m1.png"), GT);
  }
  return join(folder, name);
}

describe("EARL's file", () => {
  test("gives the 1,000 of 2,218 rows that its shuffle puts first, with what is asked of each", async () => {
    const edits = await examples(
      "i2ebench",
      earls("whole", (_, rows) => rows),
    );
    expect(edits.count).toBe(1000);
    expect(edits.notices.join(" ")).toContain("SSIM and region SSIM are not measured");
    const rows = await edits.read(Array.from({ length: 1000 }, (_, at) => at));
    const all = Object.entries(I2EBENCH_TASKS).flatMap(([task, { rows: count }]) =>
      Array.from({ length: count }, (_, at) => `${task}-${at}`),
    );
    expect(all).toHaveLength(2218);
    const drawn = numpyPermutation(42, 2218).slice(0, 1000);
    expect(rows.map((row) => "id" in row && row.id)).toEqual(drawn.map((row) => all[row]));
    const of = (task: string): unknown => rows.find((row) => "task" in row && row.task === task);
    expect(of("Counting")).toMatchObject({
      expected: { question: { text: "How many cups are there?", answer: "Two" } },
    });
    expect(of("StyleAlteration")).toMatchObject({ expected: { style: "an image with cyberpunk style" } });
    expect(of("Lowlight")).not.toHaveProperty("expected");
  });

  test("of other rows is refused, and so are other tasks", async () => {
    await expect(
      examples(
        "i2ebench",
        earls("short", () => 2),
      ),
    ).rejects.toThrow("has 32 rows, I2EBench has 2218");
    const moved: Record<string, number> = { Counting: 134, Lowlight: 141 };
    const directory = earls("moved", (task, rows) => moved[task] ?? rows);
    await expect(examples("i2ebench", directory)).rejects.toThrow('134 rows of task "Counting"');
  });
});

describe("the archive's EditData beside it", () => {
  test("adds what edits are compared with, where it asks the same", async () => {
    const tasks = {
      Deblurring: {},
      RegionAccuracy: { mask: "m1.png" },
      Counting: { ori_exp: "Other words" },
    };
    const directory = editData("both", tasks);
    earls("both", (task) => Number(task in tasks));
    const edits = await examples("i2ebench", directory, true);
    const rows = await edits.read([0, 1, 2]);
    const broken = { broken: expect.stringContaining("asks something else as edit 0 of Counting") as string };
    expect(rows).toHaveLength(3);
    expect(rows).toContainEqual(expect.objectContaining(broken));
    expect(rows).toContainEqual(expect.objectContaining({ id: "Deblurring-0", target: GT, source: PIXEL }));
    expect(rows).toContainEqual(expect.objectContaining({ id: "RegionAccuracy-0", mask: GT }));
  });

  test("alone is taken where any part will do, since EARL's order is in the file", async () => {
    const question = { Evaluation: "How many dogs are there?", Answer: "One" };
    const directory = editData("archive", { Counting: question, SnowRemoval: {} });
    await expect(examples("i2ebench", directory)).rejects.toThrow(
      "EARL's draw from i2ebench-dataset.parquet",
    );
    const edits = await examples("i2ebench", directory, true);
    expect(await edits.read([0, 1])).toMatchObject([
      { id: "Counting-0", instruction: "Counting 0", expected: { question: { answer: "One" } } },
      { id: "SnowRemoval-0", target: GT },
    ]);
    // The folder itself is as good.
    expect((await examples("i2ebench", join(directory, "EditData"), true)).count).toBe(2);
  });

  test("missing with the file says where both are", async () => {
    await expect(examples("i2ebench", folder)).rejects.toThrow(`has neither ${FILE} nor a folder EditData`);
    writeText(join(folder, "bad", "EditData", "Counting", "Counting.json"), "[1");
    await expect(examples("i2ebench", join(folder, "bad"))).rejects.toThrow("Counting.json is no JSON");
  });
});

test("i2ebench measures similarities without a model, and says what the others want", () => {
  const { measures, leftOut } = benchmark("i2ebench", folder);
  expect(measures.map(({ name }) => name)).toEqual(["reward", "ssim", "region_ssim"]);
  expect(leftOut).toEqual([
    { label: "style", needs: "clip" },
    { label: "questions", needs: "questions" },
  ]);
});
