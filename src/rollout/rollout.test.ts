import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { TabularPolicy, withMethods } from "../../test/small/tabular-policy.ts";
import type { CompletedGroup, Sampling } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { DecodedEdit, Reward } from "../rewards/reward.ts";
import { failedVerdictShare, rolloutMetrics } from "./rollout-metrics.ts";
import type { RolloutProgress } from "./rollout-progress.ts";
import { rollout, type RolloutParts } from "./rollout.ts";
import { decodedEdit } from "./score-group.ts";
import { rewardsOf } from "./scored-group.ts";

const world = smallWorld();
const sampling: Sampling = { groupSize: 6, temperature: 1, topK: 0, topP: 1, maxTokens: 40 };
const edits = await smallEdits(world, paintExamples()).take([0, 5, 7]);

function partsWith(reward: Reward = referenceReward): RolloutParts {
  return { ...world, engine: new TabularPolicy(world.grammar), reward };
}

describe("rollout", () => {
  test("gives one group an edit, in order, each completion with picture, verdict and log-probabilities", async () => {
    const groups = await rollout(partsWith(), { edits, sampling, seed: 1 });
    expect(groups.map((group) => group.edit.id)).toEqual(edits.map((edit) => edit.id));
    for (const completion of groups.flatMap((group) => group.completions)) {
      expect(completion.picture).toMatchObject({ width: 8, height: 8 });
      expect(completion.verdict.kind).toBe("scored");
      expect(completion.logprobs).toHaveLength(completion.ids.length);
    }
  });

  test("the same seed gives the same groups, another seed others", async () => {
    const [first, again, other] = await Promise.all(
      [1, 1, 2].map((seed) => rollout(partsWith(), { edits, sampling, seed })),
    );
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test("a completion is exact where its reward is the highest possible, and only there", async () => {
    const groups = await rollout(partsWith(), {
      edits,
      sampling: { ...sampling, groupSize: 400 },
      seed: 4,
    });
    const all = groups.flatMap((group) => group.completions);
    expect(all.filter((completion) => completion.isExact).length).toBeGreaterThan(0);
    for (const { isExact, verdict } of all) {
      expect(isExact).toBe(verdict.kind === "scored" && verdict.score === 10);
    }
  });

  test("a group is judged while the next ones are still generated", async () => {
    const engine = new TabularPolicy(world.grammar);
    const judged = edits.map(() => new AbortController());
    // Every group waits for the verdicts on the one before it: judged after generation, they would never come.
    async function* patient(groups: AsyncIterable<CompletedGroup>): AsyncIterable<CompletedGroup> {
      for await (const group of groups) {
        const before = judged[group.prompt - 1]?.signal;
        if (before?.aborted === false) await once(before, "abort");
        yield group;
      }
    }
    const patientEngine = withMethods(engine, { generate: (request) => patient(engine.generate(request)) });
    const reward: Reward = {
      ...referenceReward,
      score: async (scored, options) => {
        const verdicts = await referenceReward.score(scored, options);
        judged[edits.findIndex(({ id }) => id === scored[0]?.exampleId)]?.abort();
        return verdicts;
      },
    };
    const parts = { ...world, engine: patientEngine, reward };
    expect(await rollout(parts, { edits, sampling, seed: 1 })).toHaveLength(3);
  });

  test("a completion that is cut off is reported, not scored", async () => {
    const groups = await rollout(partsWith(), { edits, sampling: { ...sampling, maxTokens: 6 }, seed: 1 });
    expect(groups[0]?.completions[0]).toMatchObject({
      isFinished: false,
      isExact: false,
      verdict: { kind: "undecodable", reason: "cut off after 6 tokens" },
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
    const reward: Reward = { ...referenceReward, score: () => Promise.reject(new Error("no judge")) };
    await expect(rollout(partsWith(reward), { edits, sampling, seed: 1 })).rejects.toThrow("no judge");
  });

  test("a reward that throws stops the engine at once, and the calls about other groups", async () => {
    const engine = new TabularPolicy(world.grammar);
    let generated = 0;
    async function* slow(groups: AsyncIterable<CompletedGroup>): AsyncIterable<CompletedGroup> {
      for await (const group of groups) {
        generated += 1;
        await delay(20);
        yield group;
      }
    }
    const slowEngine = withMethods(engine, { generate: (request) => slow(engine.generate(request)) });
    const ended: unknown[] = [];
    let asked = 0;
    const reward: Reward = {
      ...referenceReward,
      score: async (_, { signal }) => {
        asked += 1;
        if (asked === 2) throw new Error("no judge");
        await delay(60_000, undefined, { signal }).catch((cause: unknown) => ended.push(cause));
        throw signal.reason;
      },
    };
    const many = await smallEdits(world, paintExamples()).take([0, 1, 2, 3, 4, 5]);
    const attempt = rollout({ ...world, engine: slowEngine, reward }, { edits: many, sampling, seed: 1 });
    await expect(attempt).rejects.toThrow("no judge");
    expect(ended).toHaveLength(1);
    expect(generated).toBeLessThan(many.length - 1);
  });

  test("an engine that throws ends the judge's calls before its error is passed on", async () => {
    const engine = new TabularPolicy(world.grammar);
    async function* broken(groups: AsyncIterable<CompletedGroup>): AsyncIterable<CompletedGroup> {
      for await (const group of groups) {
        if (group.prompt === 1) throw new EngineError("the device is gone");
        yield group;
      }
    }
    const brokenEngine = withMethods(engine, { generate: (request) => broken(engine.generate(request)) });
    let running = 0;
    const reward: Reward = {
      ...referenceReward,
      score: async (_, { signal }) => {
        running += 1;
        try {
          await delay(60_000, undefined, { signal });
        } finally {
          // What a client does when it is told to stop: it closes its connection, and that takes a moment.
          await delay(20);
          running -= 1;
        }
        return [];
      },
    };
    const attempt = rollout({ ...world, engine: brokenEngine, reward }, { edits, sampling, seed: 1 });
    await expect(attempt).rejects.toThrow("the device is gone");
    expect(running).toBe(0);
  });

  test("a reward that is deaf to its signal does not hold a rollout that failed", async () => {
    const engine = new TabularPolicy(world.grammar);
    async function* broken(groups: AsyncIterable<CompletedGroup>): AsyncIterable<CompletedGroup> {
      yield* groups;
      throw new EngineError("the device is gone");
    }
    const brokenEngine = withMethods(engine, { generate: (request) => broken(engine.generate(request)) });
    const deaf: Reward = { ...referenceReward, score: () => new Promise(() => {}) };
    const attempt = rollout({ ...world, engine: brokenEngine, reward: deaf }, { edits, sampling, seed: 1 });
    await expect(attempt).rejects.toThrow("the device is gone");
  });

  test("the caller's signal ends generation and judging with its reason", async () => {
    const interrupt = new AbortController();
    const reward: Reward = {
      ...referenceReward,
      score: async (_, { signal }) => {
        interrupt.abort(new Error("Ctrl-C"));
        await delay(60_000, undefined, { signal });
        return [];
      },
    };
    const request = { edits, sampling, seed: 1, signal: interrupt.signal };
    await expect(rollout(partsWith(reward), request)).rejects.toThrow("Ctrl-C");
    await expect(rollout(partsWith(), request)).rejects.toThrow("Ctrl-C");
  });

  test("an interrupt ends a rollout whose reward is deaf to it", async () => {
    const interrupt = new AbortController();
    const deaf: Reward = {
      ...referenceReward,
      score: () => {
        interrupt.abort(new Error("Ctrl-C"));
        return new Promise(() => {});
      },
    };
    const request = { edits, sampling, seed: 1, signal: interrupt.signal };
    await expect(rollout(partsWith(deaf), request)).rejects.toThrow("Ctrl-C");
  });

  test("says how far it is: ids and groups written, groups scored, what the judge answered", async () => {
    const heard: RolloutProgress[] = [];
    let time = 0;
    const watch = { clock: { seconds: () => time }, onProgress: (one: RolloutProgress) => heard.push(one) };
    let asked = 0;
    const reward: Reward = {
      ...referenceReward,
      score: async (scored, options) => {
        time += 2;
        const verdicts = await referenceReward.score(scored, options);
        asked += 1;
        return asked === 2 ? verdicts.map(() => ({ kind: "unreachable", reason: "gone" })) : verdicts;
      },
    };
    const groups = await rollout(partsWith(reward), { edits, sampling, seed: 1, watch });
    const tokens = groups.flatMap(({ completions }) => completions.map(({ ids }) => ids.length));
    expect(heard.at(-1)).toMatchObject({ written: 3, scored: 3, groups: 3, judged: 18, failed: 6 });
    expect(Math.max(...heard.map((one) => one.tokens))).toBe(tokens.reduce((sum, one) => sum + one, 0));
    expect(heard.at(-1)!.seconds).toBeGreaterThanOrEqual(6);
    for (const [index, one] of heard.entries()) {
      expect(one.scored).toBeLessThanOrEqual(one.written);
      expect(one.written).toBeGreaterThanOrEqual(heard[index - 1]?.written ?? 0);
    }
  });

  test("the reward is never asked about a completion without a picture", async () => {
    const asked: DecodedEdit[] = [];
    const reward: Reward = {
      ...referenceReward,
      score: (scored, options) => {
        asked.push(...scored);
        return referenceReward.score(scored, options);
      },
    };
    const engine = new TabularPolicy(world.grammar);
    async function* cut(groups: AsyncIterable<CompletedGroup>): AsyncIterable<CompletedGroup> {
      for await (const group of groups) {
        const completions = group.completions.map((one, at) => ({ ...one, isFinished: at % 2 === 0 }));
        yield { ...group, completions };
      }
    }
    const cutting = withMethods(engine, { generate: (request) => cut(engine.generate(request)) });
    const groups = await rollout({ ...world, engine: cutting, reward }, { edits, sampling, seed: 1 });
    const kinds = groups.flatMap((group) => group.completions.map(({ verdict }) => verdict.kind));
    expect(kinds).toEqual(Array.from({ length: 18 }, (_, at) => (at % 2 === 0 ? "scored" : "undecodable")));
    expect(asked).toHaveLength(9);
    for (const { completions, edit } of groups) {
      // A verdict belongs to the picture it stands beside, however many before it had none.
      for (const { picture, verdict } of completions.filter((one) => one.picture !== undefined)) {
        const again = await referenceReward.score([decodedEdit(edit, picture!)], {
          signal: new AbortController().signal,
        });
        expect(verdict).toEqual(again[0]);
      }
    }
  });

  test("a score that is not a number within the reward's range is the judge's fault, not a reward", async () => {
    const scores = [Number.NaN, 11, -1, Infinity, 10, 0];
    const reward: Reward = {
      ...referenceReward,
      score: (scored) =>
        Promise.resolve(scored.map((_, at) => ({ kind: "scored", score: scores[at]!, subscores: {} }))),
    };
    const groups = await rollout(partsWith(reward), { edits: edits.slice(0, 1), sampling, seed: 1 });
    expect(rewardsOf(groups)).toEqual([[undefined, undefined, undefined, undefined, 10, 0]]);
    expect(groups[0]?.completions[1]?.verdict).toEqual({
      kind: "unparsable",
      reason: 'the reward "reference" gave the score 11, outside its range of 0 to 10',
    });
    expect(failedVerdictShare(groups)).toBeCloseTo(4 / 6, 12);
  });

  test("a reward that leaves verdicts out is refused", async () => {
    const short: Reward = { ...referenceReward, score: () => Promise.resolve([]) };
    const attempt = rollout(partsWith(short), { edits, sampling, seed: 1 });
    await expect(attempt).rejects.toThrow('The reward "reference" gave 0 verdicts for 6 edits.');
  });

  test("an engine that leaves completions out is refused", async () => {
    const engine = new TabularPolicy(world.grammar);
    async function* lazy(groups: AsyncIterable<CompletedGroup>): AsyncIterable<CompletedGroup> {
      for await (const group of groups) if (group.prompt !== 1) yield group;
    }
    const lazyEngine = withMethods(engine, { generate: (request) => lazy(engine.generate(request)) });
    const attempt = rollout({ ...partsWith(), engine: lazyEngine }, { edits, sampling, seed: 1 });
    await expect(attempt).rejects.toThrow(EngineError);
  });
});
