import { describe, expect, test } from "vitest";

import { DataError } from "../../errors.ts";
import { takenRows } from "./taken-rows.ts";

const sources = (...pairs: readonly (readonly [rows: number, weight: number])[]) =>
  pairs.map(([rows, weight], index) => ({ name: `s${index}`, rows, weight }));

describe("copies, EARL's coefficients", () => {
  test("a whole part repeats each row, a fraction draws int(rows × fraction)", () => {
    const mixed = sources([10, 3.7], [100, 0.13], [7, 1], [9, 1.55]);
    expect(takenRows(mixed, { weights: "copies" })).toEqual([37, 13, 7, 13]);
  });

  test("the published mixture of simple and complex edits comes to about 400 thousand", () => {
    const published = sources(
      [750_000, 0.13],
      [8_700, 6],
      [7_800, 6],
      [50_000, 0.7],
      [50_000, 1.55],
      [50_000, 3.7],
      [4_600, 11],
    );
    expect(takenRows(published, { weights: "copies" })).toEqual([
      97_500, 52_200, 46_800, 35_000, 77_500, 185_000, 50_600,
    ]);
  });

  test("smaller sources are repeated up to a number or to the largest, larger ones stay", () => {
    const mixed = sources([750, 1], [46, 1], [87, 1]);
    expect(takenRows(mixed, { weights: "copies", upsampleTo: 50 })).toEqual([750, 50, 87]);
    expect(takenRows(mixed, { weights: "copies", upsampleTo: "largest" })).toEqual([750, 750, 750]);
  });

  test("a source of which nothing would be taken is refused by name", () => {
    expect(() => takenRows(sources([5, 1], [5, 0.1]), { weights: "copies" })).toThrow(
      "none of the 5 rows of s1",
    );
    expect(() => takenRows(sources([0, 1]), { weights: "copies" })).toThrow(DataError);
  });
});

describe("shares", () => {
  test("without a size the source that is largest for its weight is taken once", () => {
    expect(takenRows(sources([100, 1], [10, 1]), { weights: "shares" })).toEqual([100, 100]);
    expect(takenRows(sources([100, 3], [50, 1]), { weights: "shares" })).toEqual([150, 50]);
  });

  test("parts add up to the size that is asked for", () => {
    for (const rows of [10, 11, 100, 101, 997]) {
      const taken = takenRows(sources([50, 1], [50, 1], [50, 1.3]), { weights: "shares", rows });
      expect(taken.reduce((sum, part) => sum + part)).toBe(rows);
      for (const [index, weight] of [1, 1, 1.3].entries()) {
        expect(Math.abs(taken[index]! - (rows * weight) / 3.3)).toBeLessThan(1);
      }
    }
  });
});
