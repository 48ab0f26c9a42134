import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { TabularPolicy, withMethods } from "../../test/small/tabular-policy.ts";
import type { Completion, Sampling } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";
import { failedVerdictShare, rolloutMetrics } from "./rollout-metrics.ts";
import { rollout, type RolloutParts } from "./rollout.ts";
import { rewardsOf } from "./scored-group.ts";

const world = smallWorld();
const sampling: Sampling = { groupSize: 6, temperature: 1, topK: 0, topP: 1, maxTokens: 40 };
const edits = await smallEdits(world, paintExamples()).take([0, 5, 7]);

function partsWith(reward: Reward = referenceReward): RolloutParts {
  return { ...world, engine: new TabularPolicy(world.grammar), reward };
}

describe("rollout", () => {
  test("gives one group an edit, in order, each completion with picture, verdict and log-probabilities", async () => {
    const groups = await rollout(partsWith(), edits, sampling, 1);
    expect(groups.map((group) => group.edit.id)).toEqual(edits.map((edit) => edit.id));
    for (const completion of groups.flatMap((group) => group.completions)) {
      expect(completion.picture).toMatchObject({ width: 8, height: 8 });
      expect(completion.verdict.kind).toBe("scored");
      expect(completion.logprobs).toHaveLength(completion.ids.length);
    }
  });

  test("the same seed gives the same groups, another seed others", async () => {
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map((seed) => rollout(partsWith(), edits, sampling, seed)),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test("a completion is exact where its reward is the highest possible, and only there", async () => {
    const groups = await rollout(partsWith(), edits, { ...sampling, groupSize: 400 }, 4);
    const all = groups.flatMap((group) => group.completions);
    expect(all.filter((completion) => completion.isExact).length).toBeGreaterThan(0);
    for (const { isExact, verdict } of all) {
      expect(isExact).toBe(verdict.kind === "scored" && verdict.score === 10);
    }
  });

  test("a group is judged while the next ones are still generated", async () => {
    const engine = new TabularPolicy(world.grammar);
    const order: string[] = [];
    async function* watched(completions: AsyncIterable<Completion>): AsyncIterable<Completion> {
      for await (const completion of completions) {
        order.push(`generated ${completion.prompt}`);
        yield completion;
      }
    }
    const watchedEngine = withMethods(engine, { generate: (...args) => watched(engine.generate(...args)) });
    const reward: Reward = {
      name: "reference",
      score: (scored) => {
        order.push(`judged ${scored[0]?.exampleId}`);
        return referenceReward.score(scored);
      },
    };
    await rollout({ ...world, engine: watchedEngine, reward }, edits, sampling, 1);
    expect(order.indexOf(`judged ${edits[0]?.id}`)).toBeLessThan(order.lastIndexOf("generated 1"));
    expect(order.filter((entry) => entry.startsWith("judged"))).toHaveLength(3);
  });

  test("a completion that is cut off is reported, not scored", async () => {
    const groups = await rollout(partsWith(), edits, { ...sampling, maxTokens: 6 }, 1);
    expect(groups[0]?.completions[0]).toMatchObject({
      isFinished: false,
      isExact: false,
      verdict: { kind: "unparsable", reason: "cut off after 6 tokens" },
    });
    expect(rewardsOf(groups).flat()).toEqual(Array.from({ length: 18 }, () => undefined));
    const metrics = rolloutMetrics(groups, "reference");
    expect(metrics).toMatchObject({
      "completions/undecodable": 1,
      "completions/clipped_ratio": 1,
      "judge/unparsable": 0,
      frac_reward_zero_std: 1,
    });
    expect(metrics).not.toHaveProperty("reward");
    expect(failedVerdictShare(groups)).toBe(0);
  });

  test("a reward that throws ends the rollout with its error", async () => {
    const reward: Reward = { name: "broken", score: () => Promise.reject(new Error("no judge")) };
    await expect(rollout(partsWith(reward), edits, sampling, 1)).rejects.toThrow("no judge");
  });

  test("an engine that leaves completions out is refused", async () => {
    const engine = new TabularPolicy(world.grammar);
    async function* lazy(completions: AsyncIterable<Completion>): AsyncIterable<Completion> {
      for await (const completion of completions) if (completion.prompt !== 1) yield completion;
    }
    const lazyEngine = withMethods(engine, { generate: (...args) => lazy(engine.generate(...args)) });
    const attempt = rollout({ ...partsWith(), engine: lazyEngine }, edits, sampling, 1);
    await expect(attempt).rejects.toThrow(EngineError);
  });
});

describe("rolloutMetrics", () => {
  test("agree with a computation by hand", async () => {
    // Scores 0, 2 for the first edit, an unreachable judge and 6 for the second; the third has equal scores.
    const scores = [0, 2, undefined, 6, 4, 4];
    let next = 0;
    const reward: Reward = {
      name: "reference",
      score: (scored) =>
        Promise.resolve(
          scored.map(() => {
            const score = scores[next];
            next += 1;
            return score === undefined
              ? { kind: "unreachable", reason: "timeout" }
              : { kind: "scored", score, parts: {} };
          }),
        ),
    };
    const groups = await rollout(partsWith(reward), edits, { ...sampling, groupSize: 2 }, 1);
    expect(rolloutMetrics(groups, "reference")).toMatchObject({
      reward: 16 / 5,
      reward_std: (Math.sqrt(2) + 0 + 0) / 3,
      frac_reward_zero_std: 2 / 3,
      "rewards/reference/mean": 16 / 5,
      "judge/unreachable": 1 / 6,
      "judge/unparsable": 0,
      "completions/undecodable": 0,
    });
    expect(failedVerdictShare(groups)).toBe(1 / 6);
  });
});
