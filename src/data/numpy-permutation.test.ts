import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { numpyPermutation } from "./numpy-permutation.ts";

/** As `json.dumps` writes a list. */
const python = (values: readonly number[]): string => `[${values.join(", ")}]`;

describe("numpyPermutation", () => {
  test("is the order of EARL's EmuEdit subset", () => {
    const order = numpyPermutation(42, 3589);
    expect(order.slice(0, 10)).toEqual([3047, 2971, 1257, 619, 2212, 2771, 372, 424, 772, 551]);
    const hash = createHash("sha256")
      .update(python(order.slice(0, 1000)))
      .digest("hex");
    expect(hash.slice(0, 8)).toBe("a7feb0b5");
  });

  test("equals NumPy 2.4 for other seeds and counts", () => {
    expect(numpyPermutation(0, 10)).toEqual([4, 6, 2, 7, 3, 5, 9, 0, 8, 1]);
    expect(numpyPermutation(4_294_967_295, 7)).toEqual([0, 6, 4, 5, 3, 2, 1]);
    const order = numpyPermutation(7, 100_000);
    expect(new Set(order).size).toBe(100_000);
    expect(order.slice(0, 3)).toEqual([45_070, 71_435, 99_538]);
  });

  test("of one row, and of none", () => {
    expect(numpyPermutation(42, 1)).toEqual([0]);
    expect(numpyPermutation(42, 0)).toEqual([]);
  });
});
