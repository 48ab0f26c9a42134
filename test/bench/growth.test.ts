/** Exponents that bench/growth prints. */

import { expect, test } from "vitest";

import { exponent } from "../../bench/growth/exponent.ts";

test("an exponent is the power that figures grow by", () => {
  const points = [2, 4, 16].map((size) => ({
    size,
    seconds: 3 * size,
    bytes: 7 * size ** 2,
    flops: 5,
  }));
  expect(exponent(points, "seconds")).toBeCloseTo(1, 12);
  expect(exponent(points, "bytes")).toBeCloseTo(2, 12);
  expect(exponent(points, "flops")).toBeCloseTo(0, 12);
});
