/** A run's numbers hang on these: whoever changes one changes every seed, and does it knowingly. */

import { describe, expect, test } from "vitest";

import { Rng } from "./random.ts";

const words = (rng: Rng): number[] => Array.from({ length: 6 }, () => rng.word());

describe("Rng", () => {
  test("gives the numbers that it always gave", () => {
    expect(words(Rng.from(0))).toEqual([
      1946957956, 3428980365, 786779859, 774431924, 4290866081, 2842349281,
    ]);
    expect(words(Rng.from(7, "rollout", 3))).toEqual([
      680658488, 2814557190, 2025590453, 1734278735, 1990066426, 1934571438,
    ]);
  });

  test("makes of them the numbers that it always made", () => {
    expect(Rng.from(0, "a").uniform()).toBe(0.11824918584898114);
    const numbers = Rng.from(2 ** 31, "i");
    expect(Array.from({ length: 8 }, () => numbers.integer(10))).toEqual([6, 6, 5, 9, 9, 4, 3, 4]);
    expect(Rng.from(3, "o").shuffled([0, 1, 2, 3, 4, 5, 6, 7])).toEqual([7, 5, 4, 3, 0, 6, 1, 2]);
    const weights = Rng.from(1, "weights");
    // The last digits are those of the machine's logarithm and cosine.
    for (const expected of [0.8816255337282464, 1.0459113246333298, -0.03705626601233604]) {
      expect(weights.normal()).toBeCloseTo(expected, 12);
    }
  });

  test("tells seeds and names apart", () => {
    const first = [Rng.from(5, "x", "y"), Rng.from(5, "xy"), Rng.from(5, "y", "x"), Rng.from(6, "x", "y")];
    expect(new Set(first.map((rng) => rng.word())).size).toBe(first.length);
  });
});
