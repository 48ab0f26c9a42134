import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import {
  evaluatedRewards,
  failing,
  partsOf,
  settingsOf,
  stepMetricsOf,
  train,
  world,
} from "../../test/small/small-grpo.ts";
import { dyingRecorder, openSmallRun, smallRunDirectory } from "../../test/small/small-run.ts";
import { TabularPolicy, withMethods } from "../../test/small/tabular-policy.ts";
import { SFT_LOSS } from "../algorithms/losses.ts";
import { ConfigError, EngineError, JudgeError } from "../errors.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";
import { checkpointName } from "../runs/checkpoint-name.ts";
import { comparableEvents, readEvents } from "../runs/event-log.ts";
import type { RunDirectory } from "../runs/run-directory.ts";
import { demonstrationGroups } from "./demonstrations.ts";

describe("grpo learns", () => {
  test.each(["grpo", "dr_grpo", "dapo", "gspo", "cispo"] as const)(
    "%s, on-policy: the reward rises",
    async (kind) => {
      const directory = smallRunDirectory();
      using open = openSmallRun(directory);
      // dr_grpo divides by maxTokens instead of the 4 tokens that count, so its steps are a tenth as long.
      const learningRate = kind === "dr_grpo" ? 600 : 60;
      const result = await train(open, partsOf(), settingsOf({ learningRate, loss: { kind } }));
      const [start, ...later] = evaluatedRewards(directory);
      expect(start).toBeLessThan(5);
      expect(later.at(-1)).toBeGreaterThan(8.5);
      expect(result).toMatchObject({ reason: "finished", step: 40 });
      expect(result.bestScore).toBe(Math.max(start!, ...later));
    },
  );

  test.each([
    { kind: "grpo", clipHigh: 0.28 },
    { kind: "gspo", clipLow: 0.1, clipHigh: 0.1 },
    { kind: "cispo", clipHigh: 0.2 },
  ] as const)("$kind with three updates a rollout: the reward rises and ratios are clipped", async (loss) => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open, partsOf(), settingsOf({ updatesPerRollout: 3, loss }));
    expect(evaluatedRewards(directory).at(-1)).toBeGreaterThan(7.5);
    const metrics = stepMetricsOf(directory);
    const clipped = metrics.map((one) => one["clip_ratio/low_mean"]! + one["clip_ratio/high_mean"]!);
    expect(Math.max(...clipped)).toBeGreaterThan(0);
    expect(metrics[0]?.num_tokens).toBe(3 * 6 * 8 * 4);
  });

  test("a strong KL term holds the policy near its start, with the estimators that have a gradient", async () => {
    const rewardWith = async (loss: object): Promise<number> => {
      const directory = smallRunDirectory();
      using open = openSmallRun(directory);
      await train(open, partsOf(), settingsOf({ learningRate: 20, loss }));
      return evaluatedRewards(directory).at(-1)!;
    };
    const free = await rewardWith({ klCoef: 0 });
    expect(await rewardWith({ klCoef: 2, klEstimator: "k2" })).toBeLessThan(free - 2);
    expect(await rewardWith({ klCoef: 2, klEstimator: "k3" })).toBeLessThan(free - 2);
  });
});

describe("grpo's steps", () => {
  test("the first step compares sampler and trainer, and so does every step before a checkpoint", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open);
    const name = "sampling/sampling_logp_difference/max";
    const compared = stepMetricsOf(directory).flatMap((one, index) =>
      one[name] === undefined ? [] : [index + 1],
    );
    expect(compared).toEqual([1, 15, 30, 40]);
    for (const step of compared) expect(stepMetricsOf(directory)[step - 1]![name]).toBeLessThan(1e-6);
  });

  test("a sampler that draws from another policy stops the run", async () => {
    const engine = new TabularPolicy(world.grammar, { keepsReference: true });
    const hot = withMethods(engine, {
      logprobs: (groups, under) => engine.logprobs(groups, under, 1.01),
    });
    // Uniform logits are the same at every temperature, so the start must not be uniform.
    const edits = await partsOf().validation.take([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await engine.step(demonstrationGroups(edits), SFT_LOSS, 50);
    using open = openSmallRun(smallRunDirectory());
    const attempt = train(open, partsOf({ engine: hot }));
    await expect(attempt).rejects.toThrow(EngineError);
    // Four codes of 8 completions of the two groups that are compared.
    await expect(attempt).rejects.toThrow("Of 64 tokens 64 from 1e-3 to 1e-2.");
  });

  test("groups of equal rewards are counted and cost no training", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    const same: Reward = {
      ...referenceReward,
      score: (edits) => Promise.resolve(edits.map(() => ({ kind: "scored", score: 5, subscores: {} }))),
    };
    const engine = new TabularPolicy(world.grammar, { keepsReference: true });
    await train(open, partsOf({ reward: same, engine }), settingsOf({ steps: 2, loss: { klCoef: 0 } }));
    for (const metrics of stepMetricsOf(directory)) {
      expect(metrics).toMatchObject({ frac_reward_zero_std: 1, reward: 5, num_tokens: 0 });
      expect(metrics).not.toHaveProperty("loss");
    }
  });

  test("groups of equal rewards are drawn again where asked, at most so often", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open, partsOf(), settingsOf({ groupSize: 2, steps: 10, resampleZeroVariance: 3 }));
    const metrics = stepMetricsOf(directory);
    const resampled = metrics.map((one) => one["rollout/resampled_groups"]!);
    expect(Math.max(...resampled)).toBeGreaterThan(0);
    expect(Math.max(...resampled)).toBeLessThanOrEqual(3 * 6);
    for (const [index, { frac_reward_zero_std }] of metrics.entries()) {
      // Every dull group of the first draw is replaced once at least.
      expect(resampled[index]).toBeGreaterThanOrEqual(Math.round(frac_reward_zero_std! * 6));
    }
  });

  test("whole groups are logged at every evaluation, with pictures, rewards and advantages", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open);
    const logged = readEvents(directory.events).filter((event) => event.kind === "group-logged");
    const steps = [20, 20, 20, 20, 20, 20, 40, 40, 40, 40, 40, 40];
    expect(logged.map((event) => event.step)).toEqual(steps);
    // Each was told of when it was judged, before anything was made of it.
    const judged = readEvents(directory.events).filter((event) => event.kind === "group-judged");
    expect(judged.map((event) => event.step)).toEqual(steps);
    expect(judged[0]!.group.completions[0]).toMatchObject({ verdict: "scored" });
    expect(judged[0]!.group.completions[0]!.advantage).toBeUndefined();
    const heldOut = readEvents(directory.events).filter((event) => event.kind === "held-out-logged");
    expect(new Set(heldOut.map((event) => event.step))).toEqual(new Set([0, 20, 40]));
    const { group } = logged[0]!;
    expect(group.completions).toHaveLength(8);
    for (const name of [group.source, group.target!, ...group.completions.map((one) => one.image!)]) {
      expect(existsSync(join(directory.images, name))).toBe(true);
    }
    const sum = group.completions.reduce((total, one) => total + one.advantage!, 0);
    expect(sum).toBeCloseTo(0, 6);
  });
});

describe("grpo and failing judges", () => {
  test("a failed verdict leaves its group: training goes on with the others", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open, partsOf({ reward: failing((edit) => edit % 4 === 0) }));
    expect(stepMetricsOf(directory)[0]?.["judge/unreachable"]).toBe(0.25);
    expect(evaluatedRewards(directory).at(-1)).toBeGreaterThan(8);
  });

  test("too many failed verdicts pause the run; resumed with a judge that works it ends as if nothing was", async () => {
    const whole = smallRunDirectory();
    const directory = smallRunDirectory();
    {
      using open = openSmallRun(whole);
      await train(open);
    }
    {
      using open = openSmallRun(directory);
      // The evaluation at the start has 12 edits, each step 48: the judge goes away in the fourth step.
      const attempt = train(open, partsOf({ reward: failing((edit) => edit > 12 + 3 * 48) }));
      await expect(attempt).rejects.toThrow(JudgeError);
    }
    expect(existsSync(join(directory.checkpoints, checkpointName("grpo", 3)))).toBe(true);
    {
      using open = openSmallRun(directory, true);
      expect(open.resumePoint).toMatchObject({ step: 3 });
      await train(open);
    }
    const withoutSaves = (run: RunDirectory): unknown[] =>
      comparableEvents(run.events).filter((event) => event.kind !== "checkpoint-saved");
    expect(withoutSaves(directory)).toEqual(withoutSaves(whole));
  });

  test("a rollout without a single picture is refused with what to change", async () => {
    using open = openSmallRun(smallRunDirectory());
    const attempt = train(open, partsOf(), settingsOf({ maxTokens: 5 }));
    await expect(attempt).rejects.toThrow(ConfigError);
    await expect(attempt).rejects.toThrow("cut off after 5 tokens");
  });
});

describe("grpo and the end of a run", () => {
  test("killed at any event and resumed, it writes the events of an uninterrupted run", async () => {
    const settings = settingsOf({ steps: 20, evaluateEvery: 8, saveEvery: 5, resampleZeroVariance: 1 });
    const whole = smallRunDirectory();
    {
      using open = openSmallRun(whole);
      await train(open, partsOf(), settings);
    }
    const uninterrupted = comparableEvents(whole.events);
    // The run's own start is recorded before the stage begins, and checkpoints are by the recorder itself.
    const last = uninterrupted.filter(
      ({ kind }) => kind !== "run-start" && kind !== "checkpoint-saved",
    ).length;
    for (const killAt of [1, 3, 9, 14, 25, last]) {
      const directory = smallRunDirectory();
      {
        using open = openSmallRun(directory);
        const dying = { ...open, recorder: dyingRecorder(open.recorder, killAt) };
        await expect(train(dying, partsOf(), settings)).rejects.toThrow("killed");
      }
      appendFileSync(directory.events, '{"kind":"st');
      {
        using open = openSmallRun(directory, true);
        await train(open, partsOf(), settings);
      }
      expect(comparableEvents(directory.events)).toEqual(uninterrupted);
    }
  });

  test("stops early on a plateau of the reward and keeps the best checkpoint", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    const settings = settingsOf({ steps: 400, evaluateEvery: 10, patience: 3, learningRate: 200 });
    const result = await train(open, partsOf(), settings);
    expect(result.reason).toBe("early-stop");
    expect(result.step).toBe(result.bestStep + 30);
    expect(result.bestScore).toBeGreaterThan(9);
    expect(existsSync(join(directory.checkpoints, checkpointName("grpo", result.bestStep)))).toBe(true);
  });

  test("stops on a slice of a benchmark, says why, and decides the same when it is killed on the way", async () => {
    const settings = settingsOf({
      steps: 60,
      evaluateEvery: 5,
      patience: 2,
      minImprovement: 1000,
      saveEvery: 5,
    });
    const sliced = (): ReturnType<typeof partsOf> => {
      const parts = partsOf();
      return { ...parts, slice: { name: "mine", edits: parts.validation, size: 4 } };
    };
    const whole = smallRunDirectory();
    {
      using open = openSmallRun(whole);
      const { reason, step, bestStep } = await train(open, sliced(), settings);
      expect([reason, step]).toEqual(["early-stop", 10]);
      const events = readEvents(whole.events);
      const ended = events.find((event) => event.kind === "stage-end");
      expect(ended?.why).toMatch(/^2 evaluations without a reward on mine above [\d.-]+ by more than 1000; /);
      expect(ended?.why).toContain(`the best was at step ${bestStep}`);
      const evaluation = events.find((event) => event.kind === "evaluation-end");
      const [shown] = events.flatMap((event) => (event.kind === "held-out-logged" ? [event.group] : []));
      const image = shown?.completions[0]?.image;
      expect(image !== undefined && existsSync(join(whole.images, image))).toBe(true);
      expect(Object.keys(evaluation!.metrics)).toEqual(
        expect.arrayContaining(["eval/reward", "eval/slice_reward", "eval/slice_failed"]),
      );
    }
    const directory = smallRunDirectory();
    {
      using open = openSmallRun(directory);
      const dying = { ...open, recorder: dyingRecorder(open.recorder, 14) };
      await expect(train(dying, sliced(), settings)).rejects.toThrow("killed");
    }
    using open = openSmallRun(directory, true);
    await train(open, sliced(), settings);
    expect(comparableEvents(directory.events)).toEqual(comparableEvents(whole.events));
  });

  test("Ctrl-C finishes the step and saves it", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    const interrupt = new AbortController();
    open.recorder.subscribe((event) => {
      if (event.kind === "step-end" && event.step === 7) interrupt.abort();
    });
    const result = await train(open, partsOf(), settingsOf(), interrupt.signal);
    expect(result).toMatchObject({ reason: "interrupted", step: 7 });
    expect(readEvents(directory.events).at(-1)).toMatchObject({ kind: "checkpoint-saved", step: 7 });
  });
});
