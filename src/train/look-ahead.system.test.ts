/** GRPO that writes each rollout a step early, on a policy that is a table. */

import { existsSync } from "node:fs";
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
import type { PolicyEngine, TrainingGroup } from "../engine/policy-engine.ts";
import { JudgeError } from "../errors.ts";
import { checkpointName } from "../runs/checkpoint-name.ts";
import { comparableEvents, readEvents } from "../runs/event-log.ts";
import type { RunDirectory } from "../runs/run-directory.ts";

const AHEAD = { lookAhead: 1, steps: 20, evaluateEvery: 8, saveEvery: 5 };

/** Told of rollouts that are written, evaluations left out, and of optimizer steps. */
function watched(
  engine: PolicyEngine,
  said: {
    readonly rollout?: (edits: number) => void;
    readonly step?: (batch: readonly TrainingGroup[]) => unknown;
  },
): PolicyEngine {
  return withMethods(engine, {
    generate: (request) => {
      if (request.sampling.groupSize > 1) said.rollout?.(request.prompts.length);
      return engine.generate(request);
    },
    step: async (batch, ...rest) => {
      await said.step?.(batch);
      return engine.step(batch, ...rest);
    },
  });
}

async function eventsOf(
  settings: ReturnType<typeof settingsOf>,
  directory = smallRunDirectory(),
): Promise<Record<string, unknown>[]> {
  using open = openSmallRun(directory);
  await train(open, partsOf(), settings);
  return comparableEvents(directory.events);
}

/** A fault's own checkpoint is one more than an undisturbed run has. */
const withoutSaves = (run: RunDirectory): unknown[] =>
  comparableEvents(run.events).filter((event) => event.kind !== "checkpoint-saved");

describe("rollouts a step ahead", () => {
  test("each is written before the update of the step before, and none after the last", async () => {
    const order: string[] = [];
    const engine = watched(new TabularPolicy(world.grammar, { keepsReference: true }), {
      rollout: () => order.push("write"),
      step: () => order.push("update"),
    });
    using open = openSmallRun(smallRunDirectory());
    await train(open, partsOf({ engine }), settingsOf({ lookAhead: 1, steps: 4 }));
    expect(order.join(" ")).toBe("write write update write update write update update");
  });

  test("ratios compare with the weights that wrote the rollout, one update ago", async () => {
    const engine = new TabularPolicy(world.grammar, { keepsReference: true });
    const apart: number[] = [];
    const ratios = async (batch: readonly TrainingGroup[]): Promise<void> => {
      const { logprobs } = await engine.logprobs(batch, "policy", 1);
      const differences = batch.flatMap(({ completions }, group) =>
        completions.flatMap(({ oldLogprobs }, index) =>
          Array.from(oldLogprobs!, (old, token) => Math.abs(old - logprobs[group]![index]![token]!)),
        ),
      );
      apart.push(Math.max(...differences));
    };
    using open = openSmallRun(smallRunDirectory());
    // Twelve edits in steps of twelve: each update changes what every later rollout was written with.
    const settings = settingsOf({ lookAhead: 1, steps: 5, prompts: 12 });
    await train(open, partsOf({ engine: watched(engine, { step: ratios }) }), settings);
    const [first, ...later] = apart;
    expect(first).toBeLessThan(1e-6);
    expect(Math.min(...later)).toBeGreaterThan(1e-3);
  });

  test.each([{ kind: "grpo" }, { kind: "gspo", clipLow: 0.2, clipHigh: 0.2 }, { kind: "cispo" }])(
    "$kind: the reward rises",
    async (loss) => {
      const directory = smallRunDirectory();
      using open = openSmallRun(directory);
      await train(open, partsOf(), settingsOf({ lookAhead: 1, loss }));
      expect(evaluatedRewards(directory).at(-1)).toBeGreaterThan(8);
    },
  );

  test("sampler and trainer are compared on what the weights as they are wrote", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open, partsOf(), settingsOf({ lookAhead: 1, learningRate: 600 }));
    const name = "sampling/sampling_logp_difference/max";
    const compared = stepMetricsOf(directory).flatMap((one) => one[name] ?? []);
    // At steps 1, 15 and 30; the last one writes nothing.
    expect(compared).toHaveLength(3);
    expect(Math.max(...compared)).toBeLessThan(1e-6);
  });

  test("groups are shown at the step that trains on them", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open, partsOf(), settingsOf({ lookAhead: 1 }));
    const shown = (kind: string): unknown[] =>
      readEvents(directory.events).flatMap((event) =>
        event.kind === kind && "step" in event ? [event.step] : [],
      );
    const steps = [20, 20, 20, 20, 20, 20, 40, 40, 40, 40, 40, 40];
    expect(shown("group-judged")).toEqual(steps);
    expect(shown("group-logged")).toEqual(steps);
  });

  test("a stage that stops early has trained on all that was written", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    let rollouts = 0;
    const engine = watched(new TabularPolicy(world.grammar, { keepsReference: true }), {
      rollout: () => (rollouts += 1),
    });
    const settings = settingsOf({
      lookAhead: 1,
      steps: 400,
      evaluateEvery: 10,
      patience: 3,
      learningRate: 200,
    });
    const result = await train(open, partsOf({ engine }), settings);
    expect(result.reason).toBe("early-stop");
    expect(rollouts).toBe(result.step);
  });
});

describe("rollouts a step ahead and the end of a run", () => {
  test("killed at any event and resumed, it writes the events of an uninterrupted run", async () => {
    const settings = settingsOf({ ...AHEAD, resampleZeroVariance: 1 });
    const uninterrupted = await eventsOf(settings);
    const last = uninterrupted.filter(
      ({ kind }) => kind !== "run-start" && kind !== "checkpoint-saved",
    ).length;
    for (const killAt of [3, 9, 25, last]) {
      const directory = smallRunDirectory();
      {
        using open = openSmallRun(directory);
        const dying = { ...open, recorder: dyingRecorder(open.recorder, killAt) };
        await expect(train(dying, partsOf(), settings)).rejects.toThrow("killed");
      }
      {
        using open = openSmallRun(directory, true);
        await train(open, partsOf(), settings);
      }
      expect(comparableEvents(directory.events)).toEqual(uninterrupted);
    }
  });

  test("what was written is kept by a resumed run that is killed before it trains on it", async () => {
    const settings = settingsOf(AHEAD);
    const [whole, directory] = [smallRunDirectory(), smallRunDirectory()];
    await eventsOf(settings, whole);
    {
      using open = openSmallRun(directory);
      const interrupt = new AbortController();
      open.recorder.subscribe((event) => {
        if (event.kind === "step-end" && event.step === 8) interrupt.abort();
      });
      // The evaluation after this step is still to be made.
      await train(open, partsOf(), settings, interrupt.signal).catch(() => {});
    }
    {
      using open = openSmallRun(directory, true);
      expect(open.resumePoint).toMatchObject({ step: 8 });
      // It evaluates, saves that as the best one, and dies in its first step.
      const generate: PolicyEngine["generate"] = () => {
        throw new Error("killed");
      };
      const engine = new TabularPolicy(world.grammar, { keepsReference: true });
      let evaluations = 0;
      const dying = withMethods(engine, {
        generate: (request) =>
          request.sampling.groupSize > 1 ? generate(request) : (evaluations++, engine.generate(request)),
      });
      await expect(train(open, partsOf({ engine: dying }), settings)).rejects.toThrow("killed");
      expect(evaluations).toBeGreaterThan(0);
    }
    {
      using open = openSmallRun(directory, true);
      await train(open, partsOf(), settings);
    }
    expect(withoutSaves(directory)).toEqual(withoutSaves(whole));
  });

  test("a judge that goes away pauses the run; resumed with one that works it ends as if nothing was", async () => {
    const settings = settingsOf(AHEAD);
    const [whole, directory] = [smallRunDirectory(), smallRunDirectory()];
    await eventsOf(settings, whole);
    {
      using open = openSmallRun(directory);
      // The evaluation at the start has 12 edits, each step 48: the judge goes away in the fourth rollout.
      const reward = failing((edit) => edit > 12 + 3 * 48);
      await expect(train(open, partsOf({ reward }), settings)).rejects.toThrow(JudgeError);
    }
    expect(existsSync(join(directory.checkpoints, checkpointName("grpo", 3), "rollout.json"))).toBe(true);
    {
      using open = openSmallRun(directory, true);
      expect(open.resumePoint).toMatchObject({ step: 3 });
      await train(open, partsOf(), settings);
    }
    expect(withoutSaves(directory)).toEqual(withoutSaves(whole));
  });

  test("a judge that was away while something else went on is asked again before the run pauses", async () => {
    const settings = settingsOf(AHEAD);
    const [whole, directory] = [smallRunDirectory(), smallRunDirectory()];
    await eventsOf(settings, whole);
    using open = openSmallRun(directory);
    // Of the fourth rollout every verdict fails, once.
    const reward = failing((edit) => edit > 12 + 3 * 48 && edit <= 12 + 4 * 48);
    await train(open, partsOf({ reward }), settings);
    expect(readEvents(directory.events).filter(({ kind }) => kind === "run-paused")).toEqual([]);
    expect(withoutSaves(directory)).toEqual(withoutSaves(whole));
  });
});
