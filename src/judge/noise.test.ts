import { describe, expect, test } from "vitest";
import { Rng } from "../random.ts";
import { noiseOf, reliability, resolution } from "./noise.ts";

describe("noiseOf", () => {
  test("by hand", () => {
    // Within: (1 + 1 + 4 + 4) / 2; of means: (4 − 6)² …; the noise in a mean of two is half of that within.
    const noise = noiseOf([
      [3, 5],
      [4, 8],
    ]);
    expect(noise).toEqual({ edits: 2, answers: 4, within: Math.sqrt(5), between: 0, unanimous: 0 });
    expect(noiseOf([[2, 2], [8, 8], [5]])).toMatchObject({
      edits: 2,
      within: 0,
      between: Math.sqrt(18),
      unanimous: 1,
    });
  });
  test("finds the spread that scores were made with", () => {
    const rng = Rng.from(1);
    const scores = Array.from({ length: 4000 }, () => {
      const own = 2 * rng.normal();
      return [own + rng.normal(), own + rng.normal(), own + rng.normal()];
    });
    const noise = noiseOf(scores);
    expect(noise.within).toBeCloseTo(1, 1);
    expect(noise.between).toBeCloseTo(2, 1);
    expect(reliability(noise, 1)).toBeCloseTo(0.8, 1);
    expect(reliability(noise, 4)).toBeGreaterThan(reliability(noise, 1));
  });
  test("wants two answers to something", () => {
    expect(() => noiseOf([[1], [2]])).toThrow("at least two answers");
  });
});

describe("resolution", () => {
  test("is the difference that is seen nine times of ten", () => {
    const noise = { edits: 1, answers: 2, within: 1, between: 1, unanimous: 0 };
    const rng = Rng.from(2);
    const apart = resolution(noise, 1);
    const right = Array.from({ length: 20_000 }, () => apart + rng.normal() > rng.normal()).filter(
      Boolean,
    ).length;
    expect(right / 20_000).toBeCloseTo(0.9, 2);
    expect(resolution(noise, 4)).toBeCloseTo(apart / 2, 12);
  });
  test("a judge without noise tells everything apart", () => {
    const noise = { edits: 1, answers: 2, within: 0, between: 0, unanimous: 1 };
    expect([resolution(noise, 1), reliability(noise, 1)]).toEqual([0, 1]);
  });
});
