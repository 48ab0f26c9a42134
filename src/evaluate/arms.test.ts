import { describe, expect, test } from "vitest";

import { armResults, type ArmEdit, type ArmName } from "./arms.ts";
import { EXACT_MATCH, rewardMeasure } from "./measures.ts";

const SFT: ArmName = { arm: "SFT", role: "policy", benchmark: "held-out", decoding: "greedy" };
const MEASURES = [rewardMeasure({ range: [0, 10] }), EXACT_MATCH];

function edit(id: string, task: string, reward: number | undefined, exact: number | undefined): ArmEdit {
  return { id, task, isScored: reward !== undefined, values: { reward, exact_match: exact } };
}

describe("armResults", () => {
  const rows = [
    edit("a", "move", 10, 1),
    edit("b", "move", 4, 0),
    edit("c", "add", 1, 0),
    edit("d", "add", undefined, 0),
    edit("e", "swap", undefined, 0),
  ];

  test("rewards are over scored edits, exact match over all, kinds in order of their names", () => {
    const results = armResults(SFT, rows, MEASURES);
    expect(results.map(({ task, count, failed }) => ({ task, count, failed }))).toEqual([
      { task: "all", count: 5, failed: 2 },
      { task: "add", count: 2, failed: 1 },
      { task: "move", count: 2, failed: 0 },
    ]);
    expect(results.map((row) => row.figures["reward"]?.mean)).toEqual([5, 1, 7]);
    expect(results.map((row) => row.figures["exact_match"]?.mean)).toEqual([0.2, 0, 0.5]);
    for (const { figures } of results) {
      const [reward, exact] = [figures["reward"]!, figures["exact_match"]!];
      expect(reward.low).toBeLessThanOrEqual(reward.mean);
      expect(reward.high).toBeGreaterThanOrEqual(reward.mean);
      expect(exact.low).toBeLessThan(exact.high);
    }
  });

  test("says whose rows they are", () => {
    expect(armResults(SFT, rows, MEASURES)[0]).toMatchObject(SFT);
  });

  test("a measure that could be taken of no edit has no figure", () => {
    const [all] = armResults(SFT, [edit("a", "move", 3, undefined)], MEASURES);
    expect(Object.keys(all!.figures)).toEqual(["reward"]);
  });

  test("a policy that wrote no picture has one row, which says that all failed", () => {
    const results = armResults(SFT, rows.slice(3), MEASURES);
    expect(results).toMatchObject([
      { task: "all", count: 2, failed: 2, figures: { exact_match: { mean: 0 } } },
    ]);
    expect(results[0]!.figures).not.toHaveProperty("reward");
  });
});
