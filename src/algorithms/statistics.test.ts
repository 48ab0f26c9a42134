import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../errors.ts";
import { Rng } from "../random.ts";
import {
  bootstrapInterval,
  mean,
  meanInterval,
  quantile,
  std,
  studentT975,
  wilsonInterval,
} from "./statistics.ts";

const numbers = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 });

describe("mean and std", () => {
  test("agree with a computation by hand", () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5);
    expect(std([2, 4, 4, 4, 5, 5, 7, 9], "population")).toBe(2);
    expect(std([2, 4, 4, 4, 5, 5, 7, 9], "sample")).toBeCloseTo(Math.sqrt(32 / 7), 12);
  });
  test("equal values have std exactly 0, even where their mean is rounded", () => {
    expect(std([0.1, 0.1, 0.1], "population")).toBe(0);
    expect(std([7], "sample")).toBe(0);
  });
  test("nothing has no mean", () => {
    expect(() => mean([])).toThrow(ShapeError);
  });
});

describe("quantile", () => {
  test("interpolates as numpy does", () => {
    expect(quantile([4, 1, 3, 2], 0)).toBe(1);
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75);
    expect(quantile([4, 1, 3, 2], 1)).toBe(4);
  });
  test("refuses a share outside 0…1", () => {
    expect(() => quantile([1], 1.1)).toThrow(ShapeError);
    expect(() => quantile([], 0.5)).toThrow(ShapeError);
  });
  test("lies within the values and grows with the share", () => {
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const at = quantile(values, share);
        expect(at).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
        expect(at).toBeLessThanOrEqual(quantile(values, 1) + 1e-9);
      }),
    );
  });
});

describe("studentT975", () => {
  test("agrees with published tables", () => {
    expect(studentT975(1)).toBeCloseTo(12.706, 3);
    expect(studentT975(2)).toBeCloseTo(4.303, 3);
    expect(Math.abs(studentT975(3) - 3.182446)).toBeLessThan(0.01);
    expect(studentT975(10)).toBeCloseTo(2.228139, 4);
    expect(studentT975(30)).toBeCloseTo(2.042272, 6);
    expect(studentT975(1e9)).toBeCloseTo(1.959964, 6);
  });
});

describe("meanInterval", () => {
  test("is mean ± t·s/√n", () => {
    // s = 1, n = 3, t(2) = 4.302653
    const { mean: centre, low, high } = meanInterval([1, 2, 3]);
    expect(centre).toBe(2);
    expect(high - 2).toBeCloseTo(4.30265273 / Math.sqrt(3), 8);
    expect(2 - low).toBeCloseTo(high - 2, 12);
  });
  test("one value has no finite interval", () => {
    expect(meanInterval([5])).toEqual({ mean: 5, low: -Infinity, high: Infinity });
  });
  test("covers the true mean of normal draws about 95 times in 100", () => {
    const rng = Rng.from(1, "coverage");
    let covered = 0;
    for (let trial = 0; trial < 1000; trial += 1) {
      const { low, high } = meanInterval(Array.from({ length: 8 }, () => 3 + rng.normal()));
      if (low <= 3 && 3 <= high) covered += 1;
    }
    expect(covered).toBeGreaterThan(930);
    expect(covered).toBeLessThan(970);
  });
});

describe("bootstrapInterval", () => {
  test("stays within the values and holds their mean", () => {
    fc.assert(
      fc.property(numbers, (values) => {
        const { mean: centre, low, high } = bootstrapInterval(values, Rng.from(0, "bootstrap"), 200);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
        expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
        expect(centre).toBe(mean(values));
      }),
    );
  });
  test("comes close to Student's interval for many normal draws", () => {
    const rng = Rng.from(2, "normal");
    const values = Array.from({ length: 400 }, () => rng.normal());
    const ours = bootstrapInterval(values, Rng.from(2, "bootstrap"), 2000);
    const student = meanInterval(values);
    expect(ours.low).toBeCloseTo(student.low, 1);
    expect(ours.high).toBeCloseTo(student.high, 1);
  });
});

describe("wilsonInterval", () => {
  test("agrees with a published example", () => {
    // Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662.
    const { low, high } = wilsonInterval(81, 263);
    expect(low).toBeCloseTo(0.2553, 4);
    expect(high).toBeCloseTo(0.3662, 4);
  });
  test("keeps a width at both ends", () => {
    expect(wilsonInterval(0, 20)).toMatchObject({ mean: 0, low: 0 });
    expect(wilsonInterval(0, 20).high).toBeCloseTo(0.1611, 4);
    expect(wilsonInterval(20, 20).high).toBe(1);
  });
  test("refuses what is not a proportion", () => {
    expect(() => wilsonInterval(0, 0)).toThrow(ShapeError);
    expect(() => wilsonInterval(3, 2)).toThrow(ShapeError);
  });
  test("is mirrored when successes and failures change places", () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), (yes, no) => {
        fc.pre(yes + no > 0);
        const one = wilsonInterval(yes, yes + no);
        const other = wilsonInterval(no, yes + no);
        expect(one.low).toBeCloseTo(1 - other.high, 12);
      }),
    );
  });
});
