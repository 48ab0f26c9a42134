import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { Curve } from "./curve.ts";

const curveOf = (values: readonly number[]): Curve => {
  const curve = new Curve();
  for (const [step, value] of values.entries()) curve.add(step, value);
  return curve;
};

describe("a view of a curve", () => {
  test("is the curve itself where it fits", () => {
    expect(curveOf([3, 1, 2]).view({ points: 3 })).toEqual({ steps: [0, 1, 2], values: [3, 1, 2], total: 3 });
    expect(curveOf([3, 1, 2]).view({ points: 9, from: 1, to: 1 })).toEqual({
      steps: [1],
      values: [1],
      total: 3,
    });
  });

  test("keeps the peak of a single step", () => {
    const values = Array.from({ length: 10_000 }, () => 0);
    values[5432] = 7;
    values[8000] = -7;
    const view = curveOf(values).view({ points: 100 });
    expect(view.steps.length).toBeLessThanOrEqual(100);
    expect(view.values[view.steps.indexOf(5432)]).toBe(7);
    expect(view.values[view.steps.indexOf(8000)]).toBe(-7);
  });

  test("holds real points of its range in their order, the extremes among them, and no more than asked for", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.nat(300),
        fc.nat(300),
        fc.integer({ min: 4, max: 50 }),
        (values, from, length, points) => {
          const view = curveOf(values).view({ from, to: from + length, points });
          const inside = values.slice(from, from + length + 1);
          expect(view.steps.length).toBeLessThanOrEqual(points);
          expect(view.steps).toEqual(view.steps.toSorted((left, right) => left - right));
          expect(view.values).toEqual(view.steps.map((step) => values[step]));
          fc.pre(inside.length > 0);
          expect(Math.max(...view.values)).toBe(Math.max(...inside));
          expect(Math.min(...view.values)).toBe(Math.min(...inside));
          expect([view.values[0], view.values.at(-1)]).toEqual([inside[0], inside.at(-1)]);
        },
      ),
    );
  });

  test("leaves a step as it was first told", () => {
    const curve = curveOf([1, 2]);
    curve.add(1, 5);
    curve.add(0, 5);
    expect(curve.view({ points: 9 }).values).toEqual([1, 2]);
  });
});
