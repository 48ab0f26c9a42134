import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { entropyOf, repeatedShare } from "./diversity.ts";

describe("entropyOf", () => {
  test("by hand", () => {
    expect(entropyOf([1, 2, 3, 4])).toBeCloseTo(Math.log(4), 12);
    expect(entropyOf([1, 1, 2, 3])).toBeCloseTo(0.5 * Math.log(2) + 0.5 * Math.log(4), 12);
    expect(entropyOf([])).toBe(0);
  });
  test("lies between 0 and the logarithm of how many values there are, whatever their order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1 }), (list) => {
        const entropy = entropyOf(list);
        expect(entropy).toBeGreaterThanOrEqual(0);
        expect(entropy).toBeLessThanOrEqual(Math.log(new Set(list).size) + 1e-9);
        expect(entropyOf(list.toReversed())).toBeCloseTo(entropy, 12);
      }),
    );
  });
});

describe("repeatedShare", () => {
  test("tells sequences apart by every number, not by how they look side by side", () => {
    expect(
      repeatedShare([
        [1, 23],
        [12, 3],
        [1, 2, 3],
      ]),
    ).toBe(0);
    expect(repeatedShare([Int32Array.of(1, 2), Int32Array.of(1, 2)])).toBe(0.5);
    expect(repeatedShare([])).toBe(0);
  });
});
