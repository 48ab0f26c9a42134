import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareEqual, compareNumbers, type NumberOptions } from "./comparison.ts";
import { failureLines, summarize, summaryRows } from "./summary.ts";

const absolute = (limit: number): NumberOptions => ({ tolerance: { kind: "absolute", limit } });
const relative = (limit: number, more: Partial<NumberOptions> = {}): NumberOptions => ({
  ...more,
  tolerance: { kind: "relative", limit },
});

describe("compareNumbers", () => {
  test("finds the furthest number and says where it stands", () => {
    const result = compareNumbers("x", { got: [1, 2.5, -3], want: [1, 2, -4] }, absolute(0.9));
    expect(result).toMatchObject({ count: 3, largestAbsolute: 1, largestRelative: 0.25, isWithin: false });
    expect(result.unequal).toBe("at 2: -3, recorded -4");
  });

  test("scales a difference by the largest of its row, of the whole, or by itself", () => {
    const pair = { got: [1, 101, 2, 2], want: [1, 100, 1, 2] };
    expect(compareNumbers("x", pair, relative(1)).largestRelative).toBe(0.01);
    expect(compareNumbers("x", pair, relative(1, { row: 2 })).largestRelative).toBe(0.5);
    expect(compareNumbers("x", pair, relative(1, { row: 1 })).largestRelative).toBe(1);
    expect(compareNumbers("x", pair, relative(1, { row: 1, floor: 4 })).largestRelative).toBe(0.25);
  });

  test.each([
    [[Number.NaN], [0]],
    [[0], [Number.NaN]],
    [[Infinity], [1]],
    [[1], [1, 2]],
  ])("takes %j beside %j for infinitely far", (got, want) => {
    expect(compareNumbers("x", { got, want }, absolute(1e9))).toMatchObject({
      largestAbsolute: Infinity,
      isWithin: false,
    });
  });

  test("finds equal numbers within a tolerance of 0, also where all are 0", () => {
    fc.assert(
      fc.property(fc.array(fc.float()), (values) => {
        const pair = { got: values, want: [...values] };
        expect(compareNumbers("x", pair, absolute(0)).isWithin).toBe(true);
        expect(compareNumbers("x", pair, relative(0, { row: 1 })).isWithin).toBe(true);
      }),
    );
    const zeros = { got: [0, 1e-20], want: [0, 0] };
    expect(compareNumbers("x", zeros, relative(1e-3)).isWithin).toBe(false);
  });
});

describe("compareEqual", () => {
  test.each<[number[] | string, number[] | string, string | undefined]>([
    [[1, 2, 3], [1, 2, 3], undefined],
    [[1, 5, 3], [1, 2, 3], "at 1: 5, recorded 2"],
    [[1], [1, 2], "at 1: the end, recorded 2"],
    [[1, 2], [1], "at 1: 2, recorded the end"],
    ["né", "ne", 'at 1: "é", recorded "e"'],
    ["", "", undefined],
  ])("of %j and %j says %s", (got, want, unequal) => {
    const result = compareEqual("ids", { got, want });
    expect(result.unequal).toBe(unequal);
    expect(result.isWithin).toBe(unequal === undefined);
  });
});

describe("summarize", () => {
  test("folds the pieces of a quantity into one line with the worst of them", () => {
    const pieces = [0, 3, 2].map((got, index) =>
      compareNumbers("x", { got: [got], want: [1] }, { ...absolute(1), part: `tensor ${index}` }),
    );
    const summaries = summarize([...pieces, compareEqual("ids", { got: [1], want: [1] })]);
    expect(summaryRows(summaries).slice(1)).toEqual([
      ["x", "3", "3", "2.0e+0", "2.0e+0", "1e+0 absolute", "FAIL"],
      ["ids", "1", "1", "", "", "equal", "ok"],
    ]);
    expect(failureLines(summaries)).toEqual(["FAIL x, tensor 1, at 0: 3, recorded 1"]);
  });
});
