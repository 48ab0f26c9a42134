import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { learningRateAt } from "./schedule.ts";

const SCHEDULE = { learningRate: 2, minLearningRateShare: 0.1, warmupSteps: 5, steps: 105 };

describe("learningRateAt", () => {
  test("climbs linearly to the peak", () => {
    expect([0, 1, 2, 3, 4].map((step) => learningRateAt(SCHEDULE, step))).toEqual([0.4, 0.8, 1.2, 1.6, 2]);
  });
  test("is half-way between peak and floor in the middle, and at the floor at the end", () => {
    expect(learningRateAt(SCHEDULE, 54)).toBeCloseTo(1.1, 12);
    expect(learningRateAt(SCHEDULE, 104)).toBeCloseTo(0.2, 12);
  });
  test("starts at the peak without warm-up", () => {
    expect(learningRateAt({ ...SCHEDULE, warmupSteps: 0 }, 0)).toBe(2);
  });
  test("stays between floor and peak, and never rises after the warm-up", () => {
    fc.assert(
      fc.property(fc.nat(20), fc.integer({ min: 1, max: 60 }), (warmupSteps, steps) => {
        const rates = Array.from({ length: steps }, (_, step) =>
          learningRateAt({ ...SCHEDULE, warmupSteps, steps }, step),
        );
        for (const [step, rate] of rates.entries()) {
          expect(rate).toBeGreaterThan(0);
          expect(rate).toBeLessThanOrEqual(2);
          const before = step > 0 && step >= warmupSteps ? rates[step - 1]! : 2;
          expect(rate).toBeLessThanOrEqual(before);
        }
      }),
    );
  });
});
