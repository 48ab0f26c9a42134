import { describe, expect, test } from "vitest";

import { EARLIER_MEASURES, type ArmResult } from "../runs/arm-result.ts";
import { armTable, armTableByTask } from "./table.ts";

function row(arm: string, task: string, reward: number): ArmResult {
  return {
    arm,
    role: "policy",
    benchmark: "held-out",
    decoding: "greedy",
    task,
    count: 512,
    failed: 0,
    figures: {
      reward: { mean: reward, low: reward - 0.25, high: reward + 0.25 },
      exact_match: { mean: 0.5, low: 0.456, high: 0.543 },
    },
  };
}

const results = [
  row("SFT", "all", 6.17),
  row("SFT", "move", 3),
  row("SFT → RL", "all", 8.5),
  row("SFT → RL", "move", 7),
];

describe("armTable", () => {
  test("shows one kind of edit, numbers under their heads", () => {
    expect(armTable(results, EARLIER_MEASURES)).toBe(
      [
        "arm       decoding  edits  reward       95 %  exact match         95 %  failed",
        "──────────────────────────────────────────────────────────────────────────────",
        "SFT       greedy      512    6.17  5.92–6.42        0.500  0.456–0.543       0",
        "SFT → RL  greedy      512    8.50  8.25–8.75        0.500  0.456–0.543       0",
      ].join("\n"),
    );
  });
});

test("columns are the measures, and one that could not be taken is a dash", () => {
  const measures = [
    { name: "distance", label: "distance", unit: "score" },
    { name: "exact_match", label: "exact match", unit: "share" },
  ] as const;
  const figures = { distance: { mean: 12, low: 11, high: 13 } };
  expect(armTable([{ ...row("SFT", "all", 1), figures }], measures)).toBe(
    [
      "arm  decoding  edits  distance         95 %  exact match  95 %  failed",
      "──────────────────────────────────────────────────────────────────────",
      "SFT  greedy      512     12.00  11.00–13.00            —             0",
    ].join("\n"),
  );
});

describe("armTableByTask", () => {
  test("puts the arms of each kind below each other", () => {
    const lines = armTableByTask(results, EARLIER_MEASURES).split("\n");
    expect(lines.map((line) => line.slice(0, 10).trimEnd())).toEqual([
      "arm",
      "──────────",
      "all",
      "  SFT",
      "  SFT → RL",
      "move",
      "  SFT",
      "  SFT → RL",
    ]);
  });
});
