import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NOTHING_SEEN, observe, type StoppingRule } from "./early-stopping.ts";

const LOSS: StoppingRule = { patience: 2, better: "lower" };
const REWARD: StoppingRule = { patience: 2, better: "higher" };

/** Index of the score that stops, or −1. */
function stopsAt(scores: readonly number[], rule: StoppingRule): number {
  let state = NOTHING_SEEN;
  for (const [step, score] of scores.entries()) {
    const seen = observe(state, { step, score }, rule);
    if (seen.shouldStop) return step;
    state = seen.state;
  }
  return -1;
}

describe("observe", () => {
  test("the first evaluation is the best", () => {
    expect(observe(NOTHING_SEEN, { step: 10, score: 3 }, LOSS)).toEqual({
      state: { best: 3, bestStep: 10, stale: 0 },
      isBest: true,
      shouldStop: false,
    });
  });
  test("a loss stops after two evaluations that are not lower", () => {
    expect(stopsAt([3, 2, 2.5, 1.9, 2, 1.9, 1], LOSS)).toBe(5);
  });
  test("a reward stops on a plateau: a tie is not better", () => {
    expect(stopsAt([1, 2, 2, 2], REWARD)).toBe(3);
    expect(stopsAt([1, 2, 3, 4, 5], REWARD)).toBe(-1);
  });
  test("a score that is not a number is never the best", () => {
    expect(observe(NOTHING_SEEN, { step: 1, score: Number.NaN }, LOSS)).toMatchObject({ isBest: false });
  });
  test("gains that stay below the least improvement are a plateau, unless they add up to more", () => {
    const rule = { ...REWARD, minImprovement: 1 };
    // The plateau is 5; 5.5, 6 and 5.9 are not more than 1 above it.
    expect(stopsAt([5, 5.5, 6, 9], rule)).toBe(2);
    expect(stopsAt([5, 5.6, 6.2, 6.8, 7.4], rule)).toBe(-1);
    expect(stopsAt([5, 4.5, 4, 1], { ...rule, better: "lower" })).toBe(2);
  });
  test("the best checkpoint is kept on a plateau too", () => {
    const first = observe(NOTHING_SEEN, { step: 1, score: 5 }, { ...REWARD, minImprovement: 1 });
    const second = observe(first.state, { step: 2, score: 5.5 }, { ...REWARD, minImprovement: 1 });
    expect(second).toEqual({
      state: { best: 5.5, bestStep: 2, stale: 1, plateau: 5 },
      isBest: true,
      shouldStop: false,
    });
  });
  test("keeps the best of everything seen and its first step", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1 }), (scores) => {
        let state = NOTHING_SEEN;
        for (const [step, score] of scores.entries()) state = observe(state, { step, score }, REWARD).state;
        expect(state.best).toBe(Math.max(...scores));
        expect(state.bestStep).toBe(scores.indexOf(Math.max(...scores)));
        expect(state.stale).toBe(scores.length - 1 - state.bestStep);
      }),
    );
  });
});
