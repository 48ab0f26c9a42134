import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { narrowBF16, narrowF16, widenBF16, widenF16 } from "./float-formats.ts";

const allBits = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);

function widened(widen: typeof widenF16, bits: Uint16Array): Float32Array {
  const target = new Float32Array(bits.length);
  widen(bits, target, 0);
  return target;
}

/** The two neighbours of a value among all finite values of a format, found by search. */
function nearest(sorted: readonly number[], value: number): number[] {
  let low = 0;
  let high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle;
  }
  const [below = 0, above = 0] = [sorted[low], sorted[high]];
  const [down, up] = [value - below, above - value];
  return down < up ? [below] : up < down ? [above] : [below, above];
}

describe.each([
  { format: "F16", widen: widenF16, narrow: narrowF16, largest: 65_504, fractionBits: 10 },
  { format: "BF16", widen: widenBF16, narrow: narrowBF16, largest: 3.3895313892515355e38, fractionBits: 7 },
])("$format", ({ widen, narrow, largest, fractionBits }) => {
  test("every bit pattern that is a number comes back unchanged", () => {
    const values = widened(widen, allBits);
    const back = narrow(values);
    const changed = allBits.filter((bits) => !Number.isNaN(values[bits]) && back[bits] !== bits);
    expect([...changed]).toEqual([]);
    const isNaNOnce = [...values].map((value) => Number.isNaN(value));
    expect([...widened(widen, back)].map((value) => Number.isNaN(value))).toEqual(isNaNOnce);
    expect(isNaNOnce.filter(Boolean)).toHaveLength(2 * (2 ** fractionBits - 1));
  });

  test("a value is rounded to the nearest, and to the even one between two", () => {
    const finite = [...new Set(widened(widen, allBits))].filter(Number.isFinite).toSorted((a, b) => a - b);
    const value = fc.float({ min: -Math.fround(largest), max: Math.fround(largest), noNaN: true });
    fc.assert(
      fc.property(value, (number) => {
        const bits = narrow(Float32Array.of(number));
        const candidates = nearest(finite, number);
        expect(candidates).toContain(widened(widen, bits)[0]! + 0);
        // Between two neighbours the even one is taken.
        expect(candidates.length === 1 || bits[0]! % 2 === 0).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("half-way between 1 and its neighbours is rounded to even", () => {
    const ulp = 2 ** -fractionBits;
    const rounded = widened(
      widen,
      narrow(Float32Array.of(1 + ulp / 2, 1 + 1.5 * ulp, 1 + ulp / 2 + ulp / 64)),
    );
    expect([...rounded]).toEqual([1, 1 + 2 * ulp, 1 + ulp]);
  });

  test("the largest value is kept, infinities and signs too", () => {
    const values = Float32Array.of(largest, -largest, Infinity, -Infinity, -0);
    expect([...widened(widen, narrow(values))]).toEqual([largest, -largest, Infinity, -Infinity, -0]);
  });
});

test("F16 reads the values of IEEE 754's table", () => {
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x3555);
  expect([...widened(widenF16, bits)]).toEqual([
    1,
    -2,
    65_504,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    0.333251953125,
  ]);
});

test("widening starts at the offset and leaves the rest alone", () => {
  const target = new Float32Array(4).fill(9);
  widenBF16(Uint16Array.of(0x3f80), target, 2);
  widenF16(Uint16Array.of(0x4000), target, 0);
  expect([...target]).toEqual([2, 9, 1, 9]);
});
