import { describe, expect, test } from "vitest";

import { RunEvent } from "./event.ts";

describe("results that an earlier version wrote", () => {
  const reward = { mean: 6.17, low: 5.92, high: 6.42 };
  const exactMatch = { mean: 0.5, low: 0.45, high: 0.54 };
  const row = { decoding: "greedy", task: "all", count: 512, reward, exactMatch, failed: 3 };
  const event = { kind: "arms-evaluated", v: 0, attempt: 0, time: 1 };

  test("read as rows with figures, and say what their arms were", () => {
    const arms = ["source copied", "SFT", "SFT → RL", "start", "start → RL"];
    const read = RunEvent.parse({ ...event, results: arms.map((arm) => ({ ...row, arm })) });
    expect(read).toMatchObject({
      measures: [{ name: "reward" }, { name: "exact_match" }],
      results: ["copy", "policy", "rl", "policy", "rl"].map((role, index) => ({
        arm: arms[index],
        role,
        benchmark: "held-out",
        count: 512,
        failed: 3,
        figures: { reward, exact_match: exactMatch },
      })),
    });
  });

  test("a row that has neither figures nor the earlier fields is damaged", () => {
    const { reward: _reward, ...damaged } = row;
    expect(RunEvent.safeParse({ ...event, results: [{ ...damaged, arm: "SFT" }] }).success).toBe(false);
  });
});
