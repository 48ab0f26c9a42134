import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { closest, editDistance } from "./suggest.ts";

describe("editDistance", () => {
  test("counts inserted, deleted, replaced and swapped letters", () => {
    expect(editDistance("step", "steps")).toBe(1);
    expect(editDistance("steps", "step")).toBe(1);
    expect(editDistance("prompts", "prompto")).toBe(1);
    expect(editDistance("maen", "mean")).toBe(1);
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("", "abc")).toBe(3);
  });

  test("is zero for equal words only, and the same in both directions", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (left, right) => {
        const distance = editDistance(left, right);
        expect(distance === 0).toBe(left === right);
        expect(editDistance(right, left)).toBe(distance);
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
      }),
    );
  });
});

describe("closest", () => {
  test("finds the word that was meant, whatever its letter case", () => {
    expect(closest("groupsize", ["steps", "groupSize", "prompts"])).toBe("groupSize");
    expect(closest("learningrate", ["learningRate", "minLearningRateShare"])).toBe("learningRate");
  });

  test("offers nothing when no word is near", () => {
    expect(closest("banana", ["steps", "prompts"])).toBeUndefined();
    expect(closest("x", ["steps"])).toBeUndefined();
  });
});
