import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ShapeError } from "../errors.ts";
import { Rng } from "../random.ts";
import { cohensKappa, confusionOf, resampled, type ClassPair } from "./agreement.ts";

const pairs = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: 1, maxLength: 40 });

describe("cohensKappa", () => {
  test("agrees with cases worked out by hand", () => {
    // 50 pairs, 35 agree: p = 0.7; e = 0.5 × 0.6 + 0.5 × 0.4 = 0.5.
    expect(
      cohensKappa([
        [20, 5],
        [10, 15],
      ]),
    ).toBeCloseTo(0.4, 12);
    // p = 60 / 100, e = 0.6 × 0.7 + 0.4 × 0.3 = 0.54, and the same p with other margins: e = 0.6 × 0.3 + 0.4 × 0.7 = 0.46.
    expect(
      cohensKappa([
        [45, 15],
        [25, 15],
      ]),
    ).toBeCloseTo(0.06 / 0.46, 12);
    expect(
      cohensKappa([
        [25, 35],
        [5, 35],
      ]),
    ).toBeCloseTo(0.14 / 0.54, 12);
    // Three classes, scikit-learn's documented example: labels 2 0 2 2 0 1, answers 0 0 2 2 0 2 give 0.4285714.
    const documented: ClassPair[] = [
      [2, 0],
      [0, 0],
      [2, 2],
      [2, 2],
      [0, 0],
      [1, 2],
    ];
    expect(confusionOf(documented, 3)).toEqual([
      [2, 0, 0],
      [0, 0, 1],
      [1, 0, 2],
    ]);
    expect(cohensKappa(confusionOf(documented, 3))).toBeCloseTo(3 / 7, 12);
  });

  test("is 1 for agreement, 0 for chance, below 0 for contradiction, and nothing where one class is all there is", () => {
    expect(
      cohensKappa([
        [3, 0],
        [0, 4],
      ]),
    ).toBe(1);
    expect(
      cohensKappa([
        [4, 4],
        [4, 4],
      ]),
    ).toBe(0);
    expect(
      cohensKappa([
        [0, 5],
        [5, 0],
      ]),
    ).toBe(-1);
    expect(
      cohensKappa([
        [0, 7],
        [0, 0],
      ]),
    ).toBe(0);
    expect(
      cohensKappa([
        [7, 0],
        [0, 0],
      ]),
    ).toBeUndefined();
    expect(
      cohensKappa([
        [0, 0],
        [0, 0],
      ]),
    ).toBeUndefined();
  });

  test("does not care who is asked first, what classes are called, or how often all is said", () => {
    fc.assert(
      fc.property(pairs, (list) => {
        const kappa = cohensKappa(confusionOf(list, 3)) ?? Number.NaN;
        const same = (other: number | undefined): boolean => {
          const found = other ?? Number.NaN;
          return Number.isNaN(kappa) ? Number.isNaN(found) : Math.abs(found - kappa) < 1e-10;
        };
        const turned = list.map(([one, other]) => [other, one] as const);
        const renamed = list.map(([one, other]) => [2 - one, 2 - other] as const);
        expect([
          same(cohensKappa(confusionOf(turned, 3))),
          same(cohensKappa(confusionOf(renamed, 4))),
          same(cohensKappa(confusionOf([...list, ...list], 3))),
        ]).toEqual([true, true, true]);
      }),
    );
  });
});

test("a pair outside of the classes is refused", () => {
  expect(() => confusionOf([[0, 2]], 2)).toThrow(ShapeError);
});

describe("resampled", () => {
  const kappaOf = (list: readonly ClassPair[]): number | undefined => cohensKappa(confusionOf(list, 2));
  const many = (times: number): ClassPair[] =>
    Array.from(
      { length: times },
      () =>
        [
          [0, 0],
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ] as ClassPair[],
    ).flat();

  test("comes close to the asymptotic interval for many pairs", () => {
    // Fleiss, Cohen & Everitt (1969) for margins 0.6, 0.4 and p = 0.6, over 500 pairs: κ = 1/6, standard error 0.0446.
    const { mean, low, high } = resampled(many(100), kappaOf, Rng.from(1, "kappa"))!;
    expect(mean).toBeCloseTo(1 / 6, 12);
    expect(mean - low).toBeCloseTo(1.96 * 0.0446, 1);
    expect(high - mean).toBeCloseTo(1.96 * 0.0446, 1);
  });
  test("is the same every time, and infinite for one item", () => {
    const once = resampled(many(2), kappaOf, Rng.from(1, "kappa"));
    expect(resampled(many(2), kappaOf, Rng.from(1, "kappa"))).toEqual(once);
    const first = (list: readonly number[]): number | undefined => list[0];
    expect(resampled([3], first, Rng.from(1, "kappa"))).toEqual({ mean: 3, low: -Infinity, high: Infinity });
    expect(resampled([], first, Rng.from(1, "kappa"))).toBeUndefined();
  });
});
