import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShapeError } from "../errors.ts";
import { tokenWeights, type Aggregation } from "./aggregation.ts";

const TWO = [Uint8Array.of(1, 0, 1, 1, 1), Uint8Array.of(0, 1)];
const masks = fc.array(
  fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 12 }).map((bits) => Uint8Array.from(bits)),
  { minLength: 1, maxLength: 6 },
);

function total(weights: readonly Float32Array[]): number {
  return weights.reduce((sum, row) => sum + row.reduce((inner, value) => inner + value, 0), 0);
}

describe("tokenWeights", () => {
  test("completion-mean: each completion has the same share, split over its counted tokens", () => {
    expect(tokenWeights(TWO, "completion-mean", 8)).toEqual([
      Float32Array.of(0.125, 0, 0.125, 0.125, 0.125),
      Float32Array.of(0, 0.5),
    ]);
  });
  test("fixed-length: every counted token weighs 1 / (completions · maxTokens)", () => {
    expect(tokenWeights(TWO, "fixed-length", 8)).toEqual([
      Float32Array.of(1 / 16, 0, 1 / 16, 1 / 16, 1 / 16),
      Float32Array.of(0, 1 / 16),
    ]);
  });
  test("token-mean: every counted token of the batch weighs the same", () => {
    const fifth = Math.fround(0.2);
    expect(tokenWeights(TWO, "token-mean", 8)).toEqual([
      Float32Array.of(fifth, 0, fifth, fifth, fifth),
      Float32Array.of(0, fifth),
    ]);
  });
  test("refuses a completion that is longer than maxTokens", () => {
    expect(() => tokenWeights(TWO, "fixed-length", 4)).toThrow(ShapeError);
  });
  test.each<Aggregation>(["completion-mean", "token-mean"])(
    "%s: weights are a mean, they sum to 1",
    (kind) => {
      fc.assert(
        fc.property(masks, (counted) => {
          fc.pre(counted.every((mask) => mask.includes(1)));
          expect(total(tokenWeights(counted, kind, 12))).toBeCloseTo(1, 5);
        }),
      );
    },
  );
  test.each<Aggregation>(["completion-mean", "fixed-length", "token-mean"])(
    "%s: forced tokens weigh 0",
    (kind) => {
      fc.assert(
        fc.property(masks, (counted) => {
          for (const [index, row] of tokenWeights(counted, kind, 12).entries()) {
            for (const [position, weight] of row.entries()) {
              expect(weight > 0).toBe(counted[index]?.[position] === 1);
            }
          }
        }),
      );
    },
  );
});
