import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { writeComparisonPng } from "../../bench/picture/comparison-png.ts";
import { DataError } from "../../src/errors.ts";
import { writeTestRun } from "../report/written-run.ts";

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "earl-picture-"));
  await writeTestRun(directory);
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("writeComparisonPng", () => {
  test("draws rows with the pictures enlarged in their places", async () => {
    const picture = join(directory, "grid.png");
    await writeComparisonPng(directory, picture, { rows: 4 });
    const { width, height } = await sharp(picture).metadata();
    expect(height).toBe(44 + 4 * 172);
    expect(width).toBe(24 + 152 + 234 + 3 * 152);
    // The first row's source stands at its place, each pixel four times as large.
    const first = await sharp(join(directory, "images", "s0.png"))
      .removeAlpha()
      .raw()
      .toBuffer();
    const cut = { left: 24 + 66, top: 44 + 66, width: 1, height: 1 };
    const drawn = await sharp(picture).extract(cut).removeAlpha().raw().toBuffer();
    const at = (16 * 32 + 16) * 3;
    for (let channel = 0; channel < 3; channel += 1) {
      expect(Math.abs((drawn[channel] ?? 0) - (first[at + channel] ?? 0))).toBeLessThan(12);
    }
  });

  test("says so where the run compared nothing", async () => {
    const empty = await mkdtemp(join(directory, "e-"));
    await writeFile(join(empty, "events.jsonl"), `${JSON.stringify({ kind: "run-end", time: 1 })}\n`);
    await expect(writeComparisonPng(empty, join(empty, "x.png"))).rejects.toThrow(DataError);
  });
});
