import { describe, expect, test } from "vitest";

import type { LoggedCompletion, LoggedGroup } from "../runs/event.ts";
import { oddestFirst } from "./oddness.ts";

const group = (exampleId: string, completions: readonly LoggedCompletion[]): LoggedGroup => ({
  exampleId,
  task: "recolour",
  instruction: "Make it red",
  source: "a.png",
  completions,
});
const scored = (reward: number, image = `${reward}.png`, isExact = false): LoggedCompletion => ({
  image,
  reward,
  isExact,
  verdict: "scored",
});

describe("oddest first", () => {
  test("puts failures before flat groups, these before spread, and what is like the rest last", () => {
    const shown = oddestFirst([
      group("plain", [scored(4), scored(5)]),
      group("spread", [scored(0), scored(10)]),
      group("flat", [scored(3, "a.png"), scored(3, "b.png")]),
      group("failed", [
        { verdict: "unreachable", problem: "gone" },
        { verdict: "unparsable", problem: "?" },
      ]),
    ]);
    expect(shown.map(({ exampleId }) => exampleId)).toEqual(["failed", "flat", "spread", "plain"]);
    expect(shown.map(({ oddities }) => oddities)).toEqual([
      ["2 without a score (unreachable, unparsable)"],
      ["all rewards equal: nothing to learn from"],
      ["largest spread of rewards here"],
      [],
    ]);
    expect(shown.map(({ order }) => order)).toEqual([3, 2, 1, 0]);
  });

  test("notices a judge that prefers something to the target, and pictures that repeat", () => {
    const [odd] = oddestFirst([
      group("odd", [scored(5, "a.png", true), scored(9, "b.png"), scored(9, "b.png")]),
    ]);
    expect(odd?.oddities).toContain("a picture that equals the target is not the best rewarded");
    expect(odd?.oddities).toContain("1 repeat another picture");
  });

  test("takes groups without completions or rewards", () => {
    expect(oddestFirst([])).toEqual([]);
    expect(oddestFirst([group("empty", [])])[0]).toMatchObject({ oddness: 0, oddities: [] });
  });
});
