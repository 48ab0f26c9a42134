import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { verifyRecording } from "./verify-recording.ts";

const FIXTURES = join(import.meta.dirname, "../../test/fixtures/datasets");

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-datasets-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("a recording of datasets", () => {
  test("is read row for row as the datasets library and torch read it", async () => {
    const { kind, comparisons, unread } = await verifyRecording(FIXTURES);
    expect(kind).toBe("datasets");
    expect(comparisons.filter(({ isWithin }) => !isWithin)).toEqual([]);
    const names = new Set(comparisons.map(({ quantity }) => quantity.split(":")[0]));
    expect([...names]).toEqual(["omniedit", "aurora", "magicbrush", "vismin", "pth"]);
    expect(comparisons.length).toBeGreaterThan(150);
    expect(unread).toEqual([]);
  });

  test("may be of one dataset, whose files lie beside it", async () => {
    const recorded = JSON.parse(await readFile(join(FIXTURES, "expected.json"), "utf8")) as Record<
      string,
      unknown
    >;
    await cp(join(FIXTURES, "vismin"), folder, { recursive: true });
    await writeFile(join(folder, "expected.json"), JSON.stringify({ vismin: recorded["vismin"] }));
    const { comparisons, unread } = await verifyRecording(folder);
    expect(comparisons.every(({ isWithin }) => isWithin)).toBe(true);
    expect(unread).toEqual([]);
  });

  test("fails where a word, a pixel or a code differs, and names sets that it does not know", async () => {
    await cp(FIXTURES, folder, { recursive: true });
    const path = join(folder, "expected.json");
    const recorded = JSON.parse(await readFile(path, "utf8")) as Record<string, Record<string, unknown>[]>;
    recorded["aurora"]![1]!["instruction"] = "another";
    recorded["vismin"]![0]!["target"] = { size: [71, 47], rgb_sha256: "0" };
    (recorded["pth"]![2]!["source_codes"] as number[][])[1]![1]! += 1;
    recorded["elsewhere"] = [{ instruction: "one" }];
    await writeFile(path, JSON.stringify(recorded));
    const { comparisons, unread } = await verifyRecording(folder);
    const failed = comparisons.filter(({ isWithin }) => !isWithin);
    expect(failed.map(({ quantity, part }) => `${quantity}, ${part}`)).toEqual([
      "aurora: instruction, row 1",
      "vismin: target pixels (hash), row 0",
      "pth: source codes, row 2",
    ]);
    expect(unread).toEqual(["elsewhere"]);
  });
});
