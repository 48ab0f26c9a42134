import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { TabularPolicy } from "../../test/small/tabular-policy.ts";
import { SFT_LOSS } from "../algorithms/losses.ts";
import { DataError } from "../errors.ts";
import { referenceReward } from "../rewards/reference.ts";
import { demonstrationGroups } from "../train/demonstrations.ts";
import { armEdits, armResults, copiedSource, type ArmEdit } from "./arms.ts";
import { evaluatePolicy } from "./evaluate-policy.ts";

const world = smallWorld();
const edits = await smallEdits(world, paintExamples()).take([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
const settings = { temperature: 1, maxTokens: 40, seed: 3 };

describe("evaluatePolicy", () => {
  test("greedy decoding of a policy that learned the edits is exact everywhere", async () => {
    const engine = new TabularPolicy(world.grammar);
    await engine.step(demonstrationGroups(edits), SFT_LOSS, 100);
    const parts = { ...world, engine, reward: referenceReward };
    const greedy = armResults(
      "SFT",
      "greedy",
      armEdits(await evaluatePolicy(parts, edits, { ...settings, temperature: 0 })),
    );
    expect(greedy[0]).toMatchObject({ task: "all", count: 12, failed: 0 });
    expect(greedy[0]?.reward.mean).toBe(10);
    expect(greedy[0]?.exactMatch.mean).toBe(1);
    const sampled = armResults(
      "SFT",
      "temperature 1",
      armEdits(await evaluatePolicy(parts, edits, settings)),
    );
    expect(sampled[0]?.reward.mean).toBeLessThan(10);
  });

  test("the same seed and batch size give the same completions, in the order of the edits", async () => {
    const parts = { ...world, engine: new TabularPolicy(world.grammar), reward: referenceReward };
    const once = await evaluatePolicy(parts, edits, { ...settings, batchSize: 5 });
    expect(once.map((group) => group.edit.id)).toEqual(edits.map((edit) => edit.id));
    expect(await evaluatePolicy(parts, edits, { ...settings, batchSize: 5 })).toEqual(once);
  });
});

describe("copiedSource", () => {
  test("scores 0 where something had to change, and full marks where nothing had", async () => {
    const unchanged = { ...edits[0]!, target: edits[0]!.source, targetCodes: edits[0]!.sourceCodes };
    const copied = await copiedSource([...edits.slice(1), unchanged], referenceReward);
    expect(copied.slice(0, -1).every((edit) => edit.reward === 0 && !edit.isExact)).toBe(true);
    expect(copied.at(-1)).toMatchObject({ reward: 10, isExact: true });
  });
});

describe("armResults", () => {
  const rows: ArmEdit[] = [
    { id: "a", task: "move", reward: 10, isExact: true },
    { id: "b", task: "move", reward: 4, isExact: false },
    { id: "c", task: "add", reward: 1, isExact: false },
    { id: "d", task: "add", reward: undefined, isExact: false },
    { id: "e", task: "swap", reward: undefined, isExact: false },
  ];

  test("means are over scored edits, exact match over all, kinds in order of their names", () => {
    const results = armResults("SFT", "greedy", rows);
    expect(results.map(({ task, count, failed }) => ({ task, count, failed }))).toEqual([
      { task: "all", count: 5, failed: 2 },
      { task: "add", count: 2, failed: 1 },
      { task: "move", count: 2, failed: 0 },
    ]);
    expect(results.map((row) => row.reward.mean)).toEqual([5, 1, 7]);
    expect(results.map((row) => row.exactMatch.mean)).toEqual([0.2, 0, 0.5]);
    for (const { reward, exactMatch } of results) {
      expect(reward.low).toBeLessThanOrEqual(reward.mean);
      expect(reward.high).toBeGreaterThanOrEqual(reward.mean);
      expect(exactMatch.low).toBeLessThan(exactMatch.high);
    }
  });

  test("says so where nothing could be scored", () => {
    expect(() => armResults("SFT", "greedy", rows.slice(3))).toThrow(DataError);
  });
});
