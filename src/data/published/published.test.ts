/** What each published dataset has that the contract suite does not ask for. */

import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { DataError } from "../../errors.ts";
import { decodePicture } from "../../images/codec.ts";
import { picture } from "../../images/picture.ts";
import { encodePng } from "../../images/png.ts";
import type { BrokenRow, DatasetSplit, EditExample } from "../edit-dataset.ts";
import { openDataset, type DatasetSettings, type OpenDataset } from "../open-dataset.ts";
import { isSeenInTwoFrames } from "./something.ts";

const FIXTURES = join(import.meta.dirname, "../../../test/fixtures/datasets");
const PNG = new Uint8Array(encodePng(picture(4, 2)));

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-published-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

function open(settings: Record<string, unknown>, split: DatasetSplit = "train"): Promise<OpenDataset> {
  return openDataset({ directory: folder, ...settings } as unknown as DatasetSettings, split);
}

function rowsOf(dataset: OpenDataset): Promise<(EditExample | BrokenRow)[]> {
  return dataset.read(Array.from({ length: dataset.count }, (_, at) => at));
}

describe("aurora", () => {
  test("gives the parts that are asked for, and says that the others are left out", async () => {
    const dataset = await open({
      kind: "aurora",
      directory: join(FIXTURES, "aurora"),
      parts: ["ag", "kubric"],
    });
    const tasks = (await rowsOf(dataset)).map((row) => "task" in row && row.task);
    expect(tasks).toEqual(["ag", "kubric", "ag", "kubric"]);
    expect(dataset.notices).toEqual(["4 of 6 rows have source ag or kubric; the others are left out."]);
    const ids = (await rowsOf(dataset)).map((row) => "id" in row && row.id);
    expect(ids).toEqual(["ag-1", "kubric-2", "ag-4", "kubric-5"]);
  });

  test("says whose it is", async () => {
    const { card } = await open({ kind: "aurora", directory: join(FIXTURES, "aurora") });
    expect(card).toMatchObject({ title: "AURORA", licence: "MIT", hub: "McGill-NLP/AURORA" });
  });
});

describe("magicbrush", () => {
  test("reads the archive's layout, with masks, captions and sessions", async () => {
    const images = join(folder, "test", "images", "12");
    await mkdir(images, { recursive: true });
    for (const name of ["12-input.png", "12-mask1.png", "12-output1.png", "12-output2.png"]) {
      await writeFile(join(images, name), PNG);
    }
    const turns = [
      { input: "12-input.png", mask: "12-mask1.png", output: "12-output1.png", instruction: "add a hat" },
      { input: "12-output1.png", mask: "12-mask2.png", output: "12-output2.png", instruction: "now red" },
      { input: "12-output2.png", output: "../../../12-output3.png", instruction: "and out" },
    ];
    await writeFile(join(folder, "test", "edit_turns.json"), JSON.stringify(turns));
    const captions = { "12": { "12-output1.png": "a hat" } };
    await writeFile(join(folder, "test", "local_captions.json"), JSON.stringify(captions));
    const dataset = await open({ kind: "magicbrush" }, "test");
    const [one, two, three] = await rowsOf(dataset);
    expect(one).toMatchObject({ id: "12-1", mask: PNG, captions: { target: "a hat" }, sourceKey: "12" });
    expect(two).toMatchObject({ id: "12-2", captions: { source: "a hat" }, sourceKey: "12" });
    expect(two).not.toHaveProperty("mask");
    expect(three).toMatchObject({ broken: expect.stringContaining("leads out of its folder") as string });
    await expect(open({ kind: "magicbrush" }, "train")).rejects.toThrow(DataError);
  });
});

describe("vismin", () => {
  test("joins an edit with its original, and gives the categories that are asked for", async () => {
    const settings = { kind: "vismin", directory: join(FIXTURES, "vismin") };
    const dataset = await open({ ...settings, categories: ["relation"] });
    expect(dataset.count).toBe(1);
    expect((await rowsOf(dataset))[0]).toMatchObject({ id: "e1", task: "relation" });
    const all = await rowsOf(await open(settings));
    expect(all.map((row) => "sourceKey" in row && row.sourceKey)).toEqual(["o2", "o1", "o0"]);
  });
});

describe("earl-codes", () => {
  const settings = { kind: "earl-codes", thoughtKeys: ["thinking"] };

  test("finds the split's folder by its name, and joins the keys that are asked for", async () => {
    await cp(join(FIXTURES, "pth"), join(folder, "train_20250208_256"), { recursive: true });
    const [first] = await rowsOf(await open(settings));
    expect(first).toMatchObject({
      id: "ex_3_0.pth",
      thought: "thinking: 1. The source picture shows a tree at [[1, 2, 3, 4]].",
    });
    await expect(open(settings, "validation")).rejects.toThrow("has no validation or dev");
  });

  test("gives names and links that lead out of its folder, and other files, as broken rows", async () => {
    await mkdir(join(folder, "train", "list"), { recursive: true });
    await mkdir(join(folder, "train", "feature"));
    await cp(join(FIXTURES, "pth/feature/ex_3_0.pth"), join(folder, "outside.pth"));
    await symlink(join(folder, "outside.pth"), join(folder, "train/feature/link.pth"));
    await writeFile(join(folder, "train/feature/empty.pth"), "");
    await writeFile(join(folder, "train/feature/text.pth"), "version https://git-lfs.github.com/spec/v1\n");
    const list = {
      prefix: "/elsewhere",
      path_list: ["../../outside.pth", "link.pth", "empty.pth", "text.pth", "none.pth"],
    };
    await writeFile(join(folder, "train/list/tokenized_datalist.json"), JSON.stringify(list));
    const rows = await rowsOf(await open(settings));
    const reasons = rows.map((row) => ("broken" in row ? row.broken : "whole"));
    expect(reasons[0]).toContain("leads out of its folder");
    expect(reasons[1]).toContain("is a link that leads out of its folder");
    expect(reasons.slice(2, 4).join()).not.toContain("whole");
    expect(reasons[4]).toContain("is not there");
  });
});

describe("something", () => {
  test("takes the labels that AURORA takes", () => {
    const labels = {
      "moving a pen to the left": true,
      "Pretending to open a box": false,
      "holding a potato": false,
      "a cup falls off the table": false,
      "a cup nearly falls off the table but does not": true,
      "Showing a bottle": false,
      "pushing it until it falls down": false,
    };
    for (const [label, isTaken] of Object.entries(labels))
      expect(isSeenInTwoFrames(label), label).toBe(isTaken);
  });

  const label = (id: string): unknown => ({ id, label: "moving a pen", template: "moving [something]" });

  test("reads frames that lie there, and names clips that do not", async () => {
    await mkdir(join(folder, "labels"));
    await mkdir(join(folder, "frames", "7"), { recursive: true });
    await writeFile(join(folder, "frames", "7", "first.jpg"), PNG);
    await writeFile(join(folder, "frames", "7", "last.jpg"), PNG);
    await writeFile(
      join(folder, "labels", "something-something-v2-train.json"),
      JSON.stringify(["7", "8", "../9"].map(label)),
    );
    const [first, second, third] = await rowsOf(await open({ kind: "something" }));
    expect(first).toMatchObject({
      id: "7",
      task: "action",
      instruction: "moving a pen",
      source: PNG,
      target: PNG,
    });
    expect(second).toMatchObject({ broken: "there is no clip 8.webm" });
    expect(third).toMatchObject({ broken: "id is no clip's number" });
    await expect(open({ kind: "something" }, "test")).rejects.toThrow("has no test.json");
  });

  test.skipIf(!hasFfmpeg())("decodes the first and the last frame of a clip", async () => {
    // Red at first, blue at last.
    const colours = "color=red:s=32x16:r=10:d=1[a];color=blue:s=32x16:r=10:d=1[b];[a][b]concat[o]";
    const made = ["-v", "error", "-filter_complex", colours, "-map", "[o]", "-c:v", "libvpx"];
    execFileSync("ffmpeg", [...made, join(folder, "5.webm")]);
    await writeFile(join(folder, "6.webm"), (await readFile(join(folder, "5.webm"))).subarray(0, 100));
    await writeFile(join(folder, "train.json"), JSON.stringify(["5", "6"].map(label)));
    const [whole, cut] = await rowsOf(await open({ kind: "something" }));
    const pictures = await Promise.all(
      [(whole as EditExample).source!, (whole as EditExample).target!].map((bytes) =>
        decodePicture(bytes, "frame"),
      ),
    );
    const [first, last] = pictures.map(({ width, height, pixels }) => [
      width,
      height,
      pixels[0]! > 200,
      pixels[2]! > 200,
    ]);
    expect(first).toEqual([32, 16, true, false]);
    expect(last).toEqual([32, 16, false, true]);
    expect(cut).toMatchObject({ broken: expect.stringContaining("6.webm") as string });
  });
});

function hasFfmpeg(): boolean {
  try {
    execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
