import { describe, expect, test } from "vitest";

import { importanceSummary, importanceWeights } from "./importance.ts";

const log = (...values: number[]): Float32Array => Float32Array.from(values, Math.log);
const softmax = (logits: readonly number[]): number[] => {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
};

describe("importanceWeights", () => {
  test("by hand: how much likelier the trainer holds a token, at most the cap; 1 where it was forced", () => {
    const weights = importanceWeights({ trainer: log(0.3, 0.1, 0.9, 1), sampler: log(0.2, 0.4, 0.1, 1) }, 2);
    expect([...weights]).toEqual([1.5, 0.25, 2, 1].map((weight) => expect.closeTo(weight, 6)));
  });

  test("a token that the sampler held for impossible weighs the cap, not infinity", () => {
    expect([...importanceWeights({ trainer: log(0.5), sampler: Float32Array.of(-1e4) }, 3)]).toEqual([3]);
  });

  test("the weighted gradient over the sampler's tokens is that of the trainer's own mean reward", () => {
    const [logits, rewards] = [
      [0.3, -0.2, 0.9, 0],
      [1, -2, 0.5, 3],
    ] as const;
    const [policy, sampler] = [softmax(logits), softmax([0.1, 0.1, 0.6, 0.2])];
    const weights = importanceWeights({ trainer: log(...policy), sampler: log(...sampler) }, 10);
    const meanReward = (at: readonly number[]): number =>
      softmax(at).reduce((sum, chance, token) => sum + chance * rewards[token]!, 0);
    for (const place of logits.keys()) {
      // Every token that the sampler may draw, by its chance: d log π / d logit = one-hot − π.
      const estimate = sampler.reduce(
        (sum, chance, token) =>
          sum + chance * weights[token]! * rewards[token]! * ((token === place ? 1 : 0) - policy[place]!),
        0,
      );
      const moved = (by: number): number[] => logits.map((logit, at) => (at === place ? logit + by : logit));
      const difference = (meanReward(moved(1e-4)) - meanReward(moved(-1e-4))) / 2e-4;
      expect(estimate).toBeCloseTo(difference, 6);
    }
  });
});

test("importanceSummary: the mean of what is used, and the share that the cap holds down", () => {
  expect(importanceSummary([0.5, 1, 2, 4.5], 2)).toEqual({ mean: 1.375, truncated: 0.25 });
});
