import { describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { BrokenRows, type BrokenRowsOptions } from "./broken-rows.ts";

function ledger(count: number, options: BrokenRowsOptions): BrokenRows {
  return new BrokenRows({ directory: "scenes", split: "train", count, repeated: 2 }, options);
}

const rowAt = (index: number): { origin: string; broken: string } => ({
  origin: `train.parquet, row ${index}`,
  broken: "src_img holds no picture",
});

/** The number of broken rows, met one after another, at which the ledger stops. */
function stopsAt(count: number, maxShare: number, readableBefore = 0): number | undefined {
  const rows = ledger(count, { maxShare });
  for (let index = 0; index < readableBefore; index += 1) rows.sawReadable(index);
  for (let index = readableBefore; index < count; index += 1) {
    rows.sawBroken(index, rowAt(index));
    try {
      rows.requireFew();
    } catch {
      return index - readableBefore + 1;
    }
  }
  return undefined;
}

describe("requireFew", () => {
  test.each([
    // [rows, share, readable rows before, broken row that is one too many]
    [1000, 0, 500, 1],
    [1000, 0.05, 0, 6],
    [1000, 0.05, 200, 11],
    [40, 0.05, 0, 3],
    [10, 0.05, 9, 1],
    [5000, 0.001, 0, 2],
    [1000, 1, 0, undefined],
  ])("of %d rows with a share of %d after %d readable ones, stops at %s", (count, share, before, stop) => {
    expect(stopsAt(count, share, before)).toBe(stop);
  });

  test("names a few rows, and what to do", () => {
    const rows = ledger(100, { maxShare: 0.01 });
    for (let index = 0; index < 5; index += 1) rows.sawBroken(index, rowAt(index));
    const attempt = (): void => rows.requireFew();
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(
      "5 of the 5 rows seen of the split train of scenes cannot be read, more than data.maxBrokenShare (0.01) allows:\n  train.parquet, row 0: src_img holds no picture.",
    );
    expect(attempt).toThrow("and 2 more");
  });
});

describe("a ledger", () => {
  test("counts a row once, however often it is met", () => {
    const heard: string[] = [];
    const rows = ledger(10, { maxShare: 1, onNotice: (notice) => heard.push(notice) });
    for (const index of [4, 1, 4]) rows.sawBroken(index, rowAt(index));
    for (const index of [0, 0, 2]) rows.sawReadable(index);
    expect(heard).toEqual([
      "Left out: train.parquet, row 4: src_img holds no picture.",
      "Left out: train.parquet, row 1: src_img holds no picture.",
    ]);
    expect(rows.record).toEqual({
      directory: "scenes",
      split: "train",
      rows: 10,
      repeated: 2,
      seen: 4,
      broken: 2,
      listed: [1, 4].map((index) => ({ index, ...rowAt(index) })),
    });
  });

  test("names ten rows, then says that it only counts", () => {
    const heard: string[] = [];
    const rows = ledger(2000, { maxShare: 1, onNotice: (notice) => heard.push(notice) });
    for (let index = 0; index < 1500; index += 1) rows.sawBroken(index, rowAt(index));
    expect(heard).toHaveLength(11);
    expect(heard.at(-1)).toBe("Further broken rows of the split train are counted, not named.");
    expect(rows.record).toMatchObject({ broken: 1500 });
    expect(rows.record.listed).toHaveLength(1000);
  });

  test("goes on from what an earlier sitting saw, and does not stop where that went on", () => {
    const before = ledger(1000, { maxShare: 0.05 });
    for (let index = 0; index < 400; index += 1) before.sawReadable(index);
    for (let index = 400; index < 410; index += 1) before.sawBroken(index, rowAt(index));
    const record = JSON.parse(JSON.stringify(before.record)) as typeof before.record;
    const resumed = ledger(1000, { maxShare: 0.05 });
    resumed.restore(record);
    for (let index = 400; index < 410; index += 1) resumed.sawBroken(index, rowAt(index));
    expect(() => resumed.requireFew()).not.toThrow();
    expect(resumed.record).toEqual(record);
    expect(resumed.has(405)).toBe(true);
  });
});
