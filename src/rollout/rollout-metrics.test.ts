import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { saying } from "../../test/small/small-reward.ts";
import { TabularPolicy } from "../../test/small/tabular-policy.ts";
import { TOTAL } from "../rewards/named-scores.ts";
import type { Reward } from "../rewards/reward.ts";
import { judgeFault } from "./judge-fault.ts";
import { failedVerdictShare, rolloutMetrics } from "./rollout-metrics.ts";
import { rollout } from "./rollout.ts";
import type { ScoredGroup } from "./scored-group.ts";

const world = smallWorld();
const edits = await smallEdits(world, paintExamples()).take([0, 5, 7]);
const sampling = { groupSize: 2, temperature: 1, topK: 0, topP: 1, maxTokens: 40 };

/** Says the scores in turn; undefined is a judge that cannot be reached. */
function inTurn(scores: readonly (number | undefined)[]): Reward {
  const left = [...scores];
  return saying(() => {
    const score = left.shift();
    if (score === undefined) return { kind: "unreachable", reason: "timeout" };
    return { kind: "scored", score, subscores: { half: score / 2 } };
  });
}

function groupsOf(reward: Reward): Promise<ScoredGroup[]> {
  const parts = { ...world, engine: new TabularPolicy(world.grammar), reward };
  return rollout(parts, { edits, sampling, seed: 1 });
}

describe("rolloutMetrics", () => {
  test("agree with a computation by hand", async () => {
    // Scores 0, 2 for the first edit, an unreachable judge and 6 for the second; the third has equal scores.
    const groups = await groupsOf(inTurn([0, 2, undefined, 6, 4, 4]));
    expect(rolloutMetrics(groups, "reference")).toMatchObject({
      reward: 16 / 5,
      reward_std: (Math.sqrt(2) + 0 + 0) / 3,
      frac_reward_zero_std: 2 / 3,
      "rewards/reference/mean": 16 / 5,
      "rewards/reference/std": Math.sqrt((3.2 ** 2 + 1.2 ** 2 + 2.8 ** 2 + 2 * 0.8 ** 2) / 4),
      "rewards/reference/half/mean": 8 / 5,
      "judge/unreachable": 1 / 6,
      "judge/unparsable": 0,
      "completions/undecodable": 0,
    });
    expect(failedVerdictShare(groups)).toBe(1 / 6);
  });

  test("the rewards of a sum go by their own names, as if each were alone", async () => {
    const metrics = rolloutMetrics(await groupsOf(inTurn([0, 2, 8, 6, 4, 4])), TOTAL);
    expect(metrics["rewards/half/mean"]).toBe(2);
    const names = Object.keys(metrics).filter((name) => name.startsWith("rewards/"));
    expect(names).toEqual(["rewards/half/mean", "rewards/half/std"]);
  });
});

describe("judgeFault", () => {
  test("holds the share of failed verdicts against the limit, and counts them by kind", async () => {
    const groups = await groupsOf(inTurn([0, 2, undefined, 6, undefined, 4]));
    expect(judgeFault(groups, 1 / 3)).toBeUndefined();
    expect(judgeFault(groups, 0.33)?.message).toBe(
      "33.3 % of the judge's verdicts failed (limit 33 %): 2 unreachable. First: timeout",
    );
  });

  test("completions without a picture are no fault of the judge, whatever their number", async () => {
    const [group] = await groupsOf(inTurn([0, 2, 8, 6, 4, 4]));
    const verdict = { kind: "undecodable", reason: "cut off" } as const;
    const cut = { completions: group!.completions.map((one) => ({ ...one, verdict })) };
    expect(judgeFault([cut], 0)).toBeUndefined();
    expect(failedVerdictShare([cut])).toBe(0);
  });
});
