import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { spoilRows } from "../../test/small/spoiled-rows.ts";
import { DataSettings } from "./data-settings.ts";
import { isBroken } from "./edit-dataset.ts";
import { openDataset, withLedger } from "./open-dataset.ts";
import { writeScenes } from "./scenes/write-scenes.ts";

let folder = "";
let directory = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "earl-open-dataset-"));
  directory = join(folder, "scenes");
  await writeScenes({ directory, seed: 1, counts: { train: 10, validation: 2, test: 2 } });
  await spoilRows(join(directory, "train-00000-of-00001.parquet"), { 3: "no instruction" });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("openDataset", () => {
  test("opens a split of the kind that the config names, or of the usual one", async () => {
    for (const settings of [{ directory }, { kind: "omniedit", directory }]) {
      const dataset = await openDataset(DataSettings.parse(settings), "validation");
      expect(dataset).toMatchObject({ directory, split: "validation", count: 2 });
    }
  });

  test("has a ledger with the share of its settings", async () => {
    const settings = DataSettings.parse({ directory, maxBrokenShare: 0 });
    const dataset = await openDataset(settings, "train");
    const { brokenRows } = dataset;
    const [row] = await dataset.read([3]);
    if (row === undefined || !isBroken(row)) throw new Error("row 3 should be broken");
    brokenRows.sawBroken(3, row);
    expect(() => brokenRows.requireFew()).toThrow("1 of the 1 rows seen of the split train");
  });

  test("says what the dataset has to say", async () => {
    const dataset = await openDataset(DataSettings.parse({ directory }), "test");
    const heard: string[] = [];
    withLedger(
      { ...dataset, notices: ["1 of 2 rows is odd."] },
      { maxShare: 0, onNotice: (one) => heard.push(one) },
    );
    expect(heard).toEqual([`${directory}, test: 1 of 2 rows is odd.`]);
  });
});
