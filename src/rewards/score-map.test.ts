import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { ConfigError } from "../errors.ts";
import { openScoreMap, ScoreMapChoice, type Range } from "./score-map.ts";

const TEN: Range = [0, 10];

function mapOf(choice: object, range: Range = TEN): ReturnType<typeof openScoreMap> {
  return openScoreMap(ScoreMapChoice.parse(choice), range);
}

describe("score maps", () => {
  test("without a kind the score is the reward", () => {
    const map = mapOf({});
    expect(map.of(7.3)).toBe(7.3);
    expect(map.range).toEqual([0, 10]);
  });

  test("linear takes the reward's range to 0…1 unless told", () => {
    expect([0, 5, 10].map(mapOf({ kind: "linear" }).of)).toEqual([0, 0.5, 1]);
    const turned = mapOf({ kind: "linear", from: [2, 4], to: [1, -1] });
    expect([2, 3, 4, 0].map(turned.of)).toEqual([1, 0, -1, 3]);
    expect(turned.range).toEqual([-7, 3]);
  });

  test("linear has to be told where to begin when the reward has no bounds", () => {
    expect(() => mapOf({ kind: "linear" }, [0, Infinity])).toThrow(ConfigError);
    expect(mapOf({ kind: "linear", from: [0, 10] }, [0, Infinity]).range).toEqual([0, Infinity]);
  });

  test("step is all or nothing, and knows when it can only be one of the two", () => {
    const map = mapOf({ kind: "step", at: 8, below: -1 });
    expect([7.99, 8, 10].map(map.of)).toEqual([-1, 1, 1]);
    expect(map.range).toEqual([-1, 1]);
    expect(mapOf({ kind: "step", at: 11 }).range).toEqual([0, 0]);
  });

  test("clamp keeps the score between two values", () => {
    const map = mapOf({ kind: "clamp", low: 2, high: 8 });
    expect([0, 5, 9].map(map.of)).toEqual([2, 5, 8]);
    expect(map.range).toEqual([2, 8]);
  });

  test("what makes no map is refused where it stands", () => {
    for (const [choice, path] of [
      [{ kind: "linear", from: [3, 3] }, "from"],
      [{ kind: "linear", to: [1, 1] }, "to"],
      [{ kind: "clamp", low: 2, high: 1 }, "high"],
      [{ kind: "step" }, "at"],
    ] as const) {
      const { error } = ScoreMapChoice.safeParse(choice);
      expect(error?.issues.map((issue) => issue.path)).toEqual([[path]]);
    }
  });

  test("no score of the range leaves the range that a map declares", () => {
    const ends = fc.tuple(
      fc.double({ min: -20, max: 20, noNaN: true }),
      fc.double({ min: -20, max: 20, noNaN: true }),
    );
    const maps = fc.oneof(
      ends.filter(([a, b]) => a !== b).map((to) => ({ kind: "linear", to })),
      ends.map(([at, above]) => ({ kind: "step", at, above })),
      ends.map(([a, b]) => ({ kind: "clamp", low: Math.min(a, b), high: Math.max(a, b) })),
    );
    fc.assert(
      fc.property(maps, fc.double({ min: 0, max: 10, noNaN: true }), (choice, score) => {
        const { of, range } = mapOf(choice);
        expect(of(score)).toBeGreaterThanOrEqual(range[0]);
        expect(of(score)).toBeLessThanOrEqual(range[1]);
      }),
    );
  });
});
