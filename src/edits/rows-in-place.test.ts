import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { rowsInPlaceOf } from "./rows-in-place.ts";

describe("rowsInPlaceOf", () => {
  test("gives every row once, itself first", () => {
    const cases = fc
      .integer({ min: 1, max: 300 })
      .chain((count) => fc.tuple(fc.integer({ min: 0, max: count - 1 }), fc.constant(count)));
    fc.assert(
      fc.property(cases, ([index, count]) => {
        const rows = [...rowsInPlaceOf(index, count)];
        expect(rows[0]).toBe(index);
        expect(new Set(rows).size).toBe(count);
        expect(rows).toHaveLength(count);
        expect(rows).toEqual([...rowsInPlaceOf(index, count)]);
      }),
    );
  });

  test("spreads what stands in for a damaged stretch", () => {
    const standIns = Array.from({ length: 100 }, (_, offset) => {
      for (const row of rowsInPlaceOf(500 + offset, 10_000)) if (row < 500 || row >= 600) return row;
      return -1;
    });
    expect(new Set(standIns).size).toBeGreaterThan(90);
  });
});
