import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { TabularPolicy } from "../../test/small/tabular-policy.ts";
import { JudgeError } from "../errors.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import { evaluatePolicy } from "./evaluate-policy.ts";
import { validationOf } from "./validation.ts";

const world = smallWorld();
const edits = await smallEdits(world, paintExamples()).take([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

/** Ten edits, the first few of which the judge fails at. */
async function evaluated(failures: readonly JudgeVerdict[], maxTokens = 40): Promise<ScoredGroup[]> {
  const queue = [...failures];
  const reward: Reward = {
    ...referenceReward,
    score: async (asked, options) =>
      (await referenceReward.score(asked, options)).map((verdict) => queue.shift() ?? verdict),
  };
  const parts = { ...world, engine: new TabularPolicy(world.grammar), reward };
  return evaluatePolicy(parts, edits, { temperature: 1, maxTokens, seed: 3 });
}

describe("validationOf", () => {
  const late = { kind: "unreachable", reason: "no reply" } as const;

  test("says how many verdicts failed, beside the mean of the others", async () => {
    const { score, metrics } = validationOf(await evaluated([late]), "reference", 0.1);
    expect(metrics).toMatchObject({ "eval/failed": 0.1, "eval/reward": score });
    expect(score).toBeGreaterThan(0);
  });

  test("an outage is a JudgeError with counts by kind, no score", async () => {
    const failures = [late, { kind: "unparsable", reason: "no JSON" } as const, late];
    const groups = await evaluated(failures);
    expect(() => validationOf(groups, "reference", 0.25)).toThrow(JudgeError);
    expect(() => validationOf(groups, "reference", 0.25)).toThrow(
      "30 % of the judge's verdicts failed (limit 25 %): 1 unparsable, 2 unreachable. First: no reply",
    );
  });

  test("a policy that writes no picture is no outage: it has no score", async () => {
    const { score, metrics } = validationOf(await evaluated([], 6), "reference", 0);
    expect(score).toBeNaN();
    expect(metrics).toEqual({ "eval/exact_match": 0, "eval/failed": 0 });
  });
});
