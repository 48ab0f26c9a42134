import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeExample, type EditExample } from "../../data/edit-dataset.ts";
import {
  benchmark,
  examples,
  inData,
  PIXEL,
  repeated,
  writeParquet,
  writeText,
} from "./small-benchmarks.contract.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-gedit-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Four rows that the datasets library 5.0 wrote: two edits in each language. */
const GEDIT = "test/fixtures/benchmarks/gedit";

describe("gedit", () => {
  test("takes one language of the Arrow files, and the pictures at the size they were given in", async () => {
    const [english, chinese] = [
      await examples("gedit-en", GEDIT, true),
      await examples("gedit-cn", GEDIT, true),
    ];
    expect(await english.read([0, 1])).toMatchObject([
      { id: "0000", task: "background_change", instruction: "Put the cup on a beach" },
      { id: "0001", task: "text_change" },
    ]);
    const [first] = await chinese.read([0]);
    expect(first).toMatchObject({ id: "0000", instruction: "把杯子放在海滩上" });
    expect((await decodeExample(first as EditExample)).source).toMatchObject({ width: 6, height: 4 });
  });

  test("is found in a split's folder too, and refused where rows are missing", async () => {
    cpSync(GEDIT, join(folder, "dict", "train"), { recursive: true });
    expect((await examples("gedit-cn", join(folder, "dict"), true)).count).toBe(2);
    await expect(examples("gedit-en", GEDIT)).rejects.toThrow("has 4 rows, GEdit-Bench has 1212");
    await expect(examples("gedit-en", join(folder, "nothing"))).rejects.toThrow("There is no folder");
  });

  test("needs its eleven kinds in both languages, each key once", async () => {
    const tasks = [
      ...["background_change", "color_alter", "material_alter", "motion_change", "tone_transfer"].flatMap(
        (task) => repeated(40, () => task),
      ),
      ...repeated(70, () => "ps_human"),
      ...["style_change", "subject-add", "subject-replace"].flatMap((task) => repeated(60, () => task)),
      ...repeated(57, () => "subject-remove"),
      ...repeated(99, () => "text_change"),
    ];
    const write = (name: string, keyOf: (row: number) => string): string => {
      writeParquet(inData(folder, name, "train-00000-of-00001.parquet"), {
        key: repeated(1212, keyOf),
        task_type: [...tasks, ...tasks],
        instruction: repeated(1212, (row) => `Edit ${row}`),
        instruction_language: repeated(1212, (row) => (row < 606 ? "en" : "cn")),
        input_image_raw: repeated(1212, () => PIXEL),
      });
      return join(folder, name);
    };
    const whole = write("whole", (row) => `key-${row % 606}`);
    const edits = await examples("gedit-cn", whole);
    expect(edits.count).toBe(606);
    expect(await edits.read([5])).toMatchObject([{ id: "key-5", instruction: "Edit 611" }]);
    const twice = write("twice", (row) => `key-${row % 605}`);
    await expect(examples("gedit-en", twice)).rejects.toThrow("has 605 rows, GEdit-Bench in English has 606");
  });
});

describe("magicbrush", () => {
  test("reads the authors' folder with both captions, and wants all of its turns", async () => {
    const authors = join(folder, "authors", "test");
    const turn = {
      input: "7-input.png",
      mask: "7-mask1.png",
      output: "7-output1.png",
      instruction: "Add a hat",
    };
    writeText(join(authors, "edit_turns.json"), JSON.stringify([turn]));
    for (const name of ["7-input.png", "7-mask1.png", "7-output1.png"]) {
      writeText(join(authors, "images", "7", name), PIXEL);
    }
    const said = (caption: string): string => JSON.stringify({ "7": { "7-output1.png": caption } });
    writeText(join(authors, "local_descriptions.json"), said("a hat"));
    writeText(join(authors, "global_description.json"), said("a dog that wears a hat"));
    const edits = await examples("magicbrush", join(folder, "authors"), true);
    expect(await edits.read([0])).toMatchObject([
      { id: "7-1", captions: { target: "a dog that wears a hat", local: "a hat" }, mask: PIXEL },
    ]);
    await expect(examples("magicbrush", join(folder, "authors"))).rejects.toThrow(
      "has 1 rows, MagicBrush's test split has 1053",
    );
  });

  test("reads EARL's file, whose rows are known by their number", async () => {
    const path = join(folder, "earl", "magicbrush-test-00000.parquet");
    const write = (rows: number): void =>
      writeParquet(path, {
        input: repeated(rows, () => PIXEL),
        mask: repeated(rows, () => PIXEL),
        output: repeated(rows, () => PIXEL),
        instruction: repeated(rows, (row) => `Edit ${row}`),
      });
    write(1053);
    const edits = await examples("magicbrush", join(folder, "earl"));
    expect(edits.count).toBe(1053);
    expect(await edits.read([1052])).toMatchObject([{ id: "1052", instruction: "Edit 1052", mask: PIXEL }]);
    expect(edits.notices.join(" ")).toContain("CLIP-T is not measured");
    write(535);
    await expect(examples("magicbrush", join(folder, "earl"))).rejects.toThrow("has 535 rows");
  });

  test("measures what its authors measure", () => {
    const { measures, leftOut } = benchmark("magicbrush", folder);
    expect(measures.map(({ name }) => name)).toEqual(["reward", "l1", "l2", "psnr"]);
    expect(leftOut?.map(({ label }) => label)).toEqual(["CLIP-I", "CLIP-T", "CLIP-T of target", "DINO"]);
  });
});
