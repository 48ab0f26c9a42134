import { describe, expect, test } from "vitest";

import {
  averageOf,
  bestOfN,
  estimate,
  figuresBySeed,
  figuresByTask,
  pairedDifference,
  valueOf,
  valuesByRow,
} from "./figures.ts";
import { EARL_KINDS } from "./benchmark-settings.ts";
import { PAPER_ROWS } from "./paper-scores.ts";
import type { EditScore } from "./score-edits.ts";

interface Draw {
  readonly id: string;
  readonly score?: number;
  readonly seed?: number;
  readonly sample?: number;
  readonly task?: string;
  readonly values?: Record<string, number>;
}

function draw({ id, score, seed = 0, sample = 0, task = "add", values = {} }: Draw): EditScore {
  const verdict =
    score === undefined
      ? ({ kind: "unreachable", reason: "gone" } as const)
      : ({ kind: "scored", score, subscores: { sc: score + 1 } } as const);
  return { id, task, seed, sample, verdict, values };
}

const measures = [
  { name: "reward", label: "O", unit: "score" },
  { name: "sc", label: "SC", unit: "score" },
];
const arm = (name: string, scores: EditScore[]) => ({ arm: name, benchmark: "b", measures, scores });

describe("figures of scored edits", () => {
  test("a row's value is the mean of its draws; a failed verdict is no zero and is counted", () => {
    const scores = [draw({ id: "a", score: 2 }), draw({ id: "a", score: 6, sample: 1 }), draw({ id: "b" })];
    expect([...valuesByRow(scores, "reward")]).toEqual([["a", 4]]);
    const [all] = figuresByTask(arm("x", scores));
    expect(all).toMatchObject({ rows: 2, edits: 3, failed: 1, pictureless: 0 });
    expect(all?.figures["reward"]).toEqual({ mean: 4, low: null, high: null, count: 1 });
    expect(all?.figures["sc"]?.mean).toBe(5);
  });
  test("missing and undecodable pictures are counted apart from the judge's failures", () => {
    const none: EditScore = {
      id: "c",
      task: "add",
      seed: 0,
      sample: 0,
      values: {},
      verdict: { kind: "missing", reason: "no line has it" },
    };
    expect(figuresByTask(arm("x", [draw({ id: "a", score: 1 }), none]))[0]).toMatchObject({
      failed: 0,
      pictureless: 1,
    });
  });
  test("kinds of edits have rows of their own", () => {
    const scores = [draw({ id: "a", score: 2 }), draw({ id: "b", score: 8, task: "swap" })];
    expect(
      figuresByTask(arm("x", scores)).map(({ task, figures }) => [task, figures["reward"]?.mean]),
    ).toEqual([
      ["all", 5],
      ["add", 2],
      ["swap", 8],
    ]);
  });
  test("intervals hold the mean, the same each time; shares of zeros and ones have Wilson's", () => {
    const values = Array.from({ length: 50 }, (_, index) => index % 10);
    const { mean, low, high } = estimate(values);
    expect([mean, low! < mean, mean < high!]).toEqual([4.5, true, true]);
    expect(estimate(values)).toEqual(estimate(values));
    expect(estimate([0, 0, 0, 0], "share").high).toBeGreaterThan(0.3);
  });
  test("the best of n is taken within a seed, and seeds are averaged", () => {
    const scores = [1, 5].flatMap((score, sample) => [
      draw({ id: "a", score, sample }),
      draw({ id: "a", score: score + 2, sample, seed: 1 }),
    ]);
    expect(bestOfN(scores, "reward")).toMatchObject({ mean: 6, n: 2 });
    expect(
      bestOfN(
        scores.filter(({ sample }) => sample === 0),
        "reward",
      ),
    ).toBeUndefined();
    expect(figuresBySeed(scores, "reward")).toEqual({ means: { 0: 3, 1: 5 }, deviation: Math.SQRT2 });
  });
  test("differences are taken row by row, of the rows that both have: noise that arms share falls out", () => {
    const noise = Array.from({ length: 40 }, (_, index) => (index * 7) % 10);
    const before = noise.map((score, index) => draw({ id: `${index}`, score }));
    const after = noise.map((score, index) => draw({ id: `${index}`, score: score + 0.5 }));
    const difference = pairedDifference(arm("y", after.slice(1)), arm("x", before), "reward");
    expect(difference).toEqual({ mean: 0.5, low: 0.5, high: 0.5, count: 39 });
    expect(pairedDifference(arm("y", []), arm("x", before), "reward")).toBeUndefined();
  });
  test("an average over benchmarks weighs each alike, whatever its rows", () => {
    const { mean, low, high } = averageOf([
      [1, 1, 1, 1, 1, 1],
      [2, 4],
    ]);
    expect(mean).toBe(2);
    expect([low, high]).toEqual([1.5, 2.5]);
  });
  test("values of measures and parts of verdicts are found by name", () => {
    const one = draw({ id: "a", score: 3, values: { l1: 0.25 } });
    expect(["reward", "sc", "l1", "none"].map((name) => valueOf(one, name))).toEqual([3, 4, 0.25, undefined]);
  });
});

test("every AVG of the paper is the mean of its six columns, as far as these are rounded", () => {
  for (const { arm: name, scores, average } of PAPER_ROWS) {
    expect(scores, name).toHaveLength(EARL_KINDS.length);
    expect(Math.abs(scores.reduce((sum, score) => sum + score, 0) / 6 - average), name).toBeLessThan(0.012);
  }
});
