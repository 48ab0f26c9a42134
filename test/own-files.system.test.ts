/** What earl did not write stays as it is, whatever is asked for; what it wrote is replaced with --force alone. */

import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { writeScenes } from "../src/data/scenes/write-scenes.ts";
import { earl } from "./run-earl.ts";

const before = process.cwd();
let scenes: string;

beforeAll(async () => {
  scenes = join(mkdtempSync(join(tmpdir(), "earl-own-")), "scenes");
  await writeScenes({ directory: scenes, seed: 1, counts: { train: 8, validation: 2, test: 2 } });
});
beforeEach(() => process.chdir(mkdtempSync(join(tmpdir(), "earl-own-"))));
afterAll(() => process.chdir(before));

/** Every file below a folder, with its content. */
function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name), "base64")]),
  );
}

describe.each([[[]], [["--force"]], [["--resume"]], [["--resume", "--force"]]])(
  "earl demo %j",
  (flags: string[]) => {
    test.each([
      ["data.directory", "a dataset of somebody's", "train-00000-of-00001.parquet"],
      ["data.rlDirectory", "a dataset of somebody's", "validation-00000-of-00001.parquet"],
      ["data.directory", "a record of somebody's", "dataset.json"],
      ["data.directory", "other files", "holiday.jpg"],
    ])("leaves %s with %s alone (%s)", async (setting, _what, file) => {
      mkdirSync("mine");
      writeFileSync(join("mine", file), "somebody's");
      const kept = contentOf("mine");
      const { code, err } = await earl("demo", "--set", `${setting}=mine`, ...flags);
      expect(err).toMatch(/was not written by earl|holds other files/);
      expect(code).toBe(2);
      expect(contentOf("mine")).toEqual(kept);
      expect(readdirSync(".")).toEqual(["mine"]);
    });
  },
);

describe("a file of somebody's in the place of a result", () => {
  test.each([
    ["edit.json", ["edit", "p.png", "Make it red", "--checkpoint", "c", "--out", "mine"]],
    ["edit-2.png", ["edit", "p.png", "Make it red", "--checkpoint", "c", "--out", "mine"]],
    ["contact-sheet.png", ["edit", "p.png", "Make it red", "--checkpoint", "c", "--out", "mine"]],
    ["scores.json", ["evaluate", "c", "--data", "d", "--out", "mine/scores.json"]],
  ])("is not replaced: %s", async (name, words) => {
    mkdirSync("mine");
    writeFileSync(join("mine", name), "somebody's");
    const { code, err } = await earl(...words);
    expect(err).toContain(`${join("mine", name)} was not written by earl.`);
    expect(code).toBe(2);
    expect(readFileSync(join("mine", name), "utf8")).toBe("somebody's");
  });

  test("is not replaced beside results of earl's, which are", async () => {
    mkdirSync("mine");
    const record = { checkpoint: "c", instruction: "i", completions: [{ number: 1, file: "edit-1.png" }] };
    writeFileSync("mine/edit.json", JSON.stringify(record));
    for (const name of ["edit-1.png", "contact-sheet.png"]) writeFileSync(join("mine", name), "earl's");
    const words = ["edit", "p.png", "Make it red", "--checkpoint", "c", "--out", "mine"];
    expect((await earl(...words)).err).toContain("c is neither a checkpoint");
    writeFileSync("mine/edit-4.png", "somebody's");
    expect((await earl(...words)).err).toContain("mine/edit-4.png was not written by earl.");
    expect((await earl(...words, "-n", "3")).err).toContain("c is neither a checkpoint");
  });
});

describe("scenes that earl drew", () => {
  test("are left alone without --force, by the demo and by data scenes", async () => {
    cpSync(scenes, "drawn", { recursive: true });
    const kept = contentOf("drawn");
    const demo = await earl("demo", "--set", "data.directory=drawn");
    expect(demo).toMatchObject({ code: 2, err: expect.stringContaining("--force") as string });
    const again = await earl("data", "scenes", "--out", "drawn", "--train", "3");
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining("--force") as string });
    expect(contentOf("drawn")).toEqual(kept);
  });

  test("are replaced with it, but for files that were changed since", async () => {
    cpSync(scenes, "drawn", { recursive: true });
    const words = ["data", "scenes", "--out", "drawn", "--train", "3", "--validation", "1", "--test", "1"];
    expect(await earl(...words, "--force")).toMatchObject({ code: 0 });
    expect(contentOf("drawn")).not.toEqual(contentOf(scenes));
    writeFileSync(join("drawn", "test-00000-of-00001.parquet"), "somebody's");
    const kept = contentOf("drawn");
    expect(await earl(...words, "--force")).toMatchObject({ code: 2 });
    expect(contentOf("drawn")).toEqual(kept);
  });
});
