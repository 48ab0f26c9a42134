import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pearson, ranks, spearman } from "./correlation.ts";

const values = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 30 });

describe("ranks", () => {
  test("sum to what they would without ties, and order as the values do", () => {
    fc.assert(
      fc.property(values, (list) => {
        const ranked = ranks(list);
        expect(ranked.reduce((sum, rank) => sum + rank, 0)).toBe((list.length * (list.length + 1)) / 2);
        for (const [one, value] of list.entries()) {
          for (const [other, right] of list.entries()) {
            expect(Math.sign(ranked[one]! - ranked[other]!)).toBe(Math.sign(value - right));
          }
        }
      }),
    );
  });
});

describe("spearman", () => {
  test("by hand: 1 − 6 Σ d² / n(n² − 1) without ties", () => {
    expect(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])).toBeCloseTo(1 - (6 * 4) / (5 * 24), 12);
  });
  test("any rising map of either list changes nothing, and a falling one turns the sign", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 })), {
          minLength: 2,
        }),
        (pairs) => {
          const [left, right] = [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
          const rho = spearman(left, right);
          expect(
            spearman(
              left.map((value) => value ** 3),
              right,
            ),
          ).toEqual(rho);
          const turned = spearman(
            left.map((value) => -value),
            right,
          );
          expect((turned ?? 0) + (rho ?? 0)).toBeCloseTo(0, 9);
          expect(turned === undefined).toBe(rho === undefined);
        },
      ),
    );
  });
  test("of lists without variance there is none", () => {
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeUndefined();
    expect(spearman([1], [1])).toBeUndefined();
  });
});

describe("pearson", () => {
  test("by hand", () => {
    expect(pearson([1, 2, 3], [1, 3, 2])).toBeCloseTo(0.5, 12);
  });
  test("refuses lists of different lengths", () => {
    expect(() => pearson([1, 2], [1])).toThrow("2 values cannot be correlated with 1");
  });
});
