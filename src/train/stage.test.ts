/** What a stage leaves behind when something ends it in the middle. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { openSmallRun, smallRunDirectory, stillClock } from "../../test/small/small-run.ts";
import { TabularPolicy, withMethods } from "../../test/small/tabular-policy.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { EngineError, JudgeError } from "../errors.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";
import { checkpointName } from "../runs/checkpoint-name.ts";
import { comparableEvents, readEvents } from "../runs/event-log.ts";
import type { OpenRun } from "../runs/open-run.ts";
import type { RunDirectory } from "../runs/run-directory.ts";
import { GrpoSettings } from "./grpo-settings.ts";
import { grpo } from "./grpo.ts";
import { Stage, type StageResult } from "./stage.ts";

const world = smallWorld();
const edits = smallEdits(world, paintExamples());

function train(
  open: OpenRun,
  own: {
    readonly engine?: PolicyEngine;
    readonly reward?: Reward;
    readonly signal?: AbortSignal;
    readonly settings?: object;
  } = {},
): Promise<StageResult> {
  const { engine = new TabularPolicy(world.grammar, { keepsReference: true }), reward = referenceReward } =
    own;
  const settings = GrpoSettings.parse({
    steps: 6,
    prompts: 4,
    groupSize: 4,
    maxTokens: 40,
    learningRate: 10,
    evaluateEvery: 3,
    saveEvery: 6,
    validationSize: 6,
    maxPauseMinutes: 0,
    ...own.settings,
  });
  return grpo({ ...world, engine, reward, train: edits, validation: edits }, settings, {
    recorder: open.recorder,
    clock: stillClock,
    seed: 5,
    ...(own.signal !== undefined && { signal: own.signal }),
    ...(open.resumePoint !== undefined && { resume: open.resumePoint }),
  });
}

/** Checkpoints apart, which a fault adds. */
function told(directory: RunDirectory): unknown[] {
  return comparableEvents(directory.events).filter(({ kind }) => kind !== "checkpoint-saved");
}

function isSaved(directory: RunDirectory, step: number): boolean {
  return existsSync(join(directory.checkpoints, checkpointName("grpo", step)));
}

async function uninterrupted(settings: object = {}): Promise<unknown[]> {
  const directory = smallRunDirectory();
  using open = openSmallRun(directory);
  await train(open, { settings });
  return told(directory);
}

/** An engine whose optimizer step fails when it is asked for the n-th time. */
function failingStep(n: number): PolicyEngine {
  const engine = new TabularPolicy(world.grammar, { keepsReference: true });
  let asked = 0;
  return withMethods(engine, {
    step: async (...given) => {
      asked += 1;
      if (asked === n) throw new EngineError("The gradient's norm is NaN.");
      return engine.step(...given);
    },
  });
}

describe("a stage that is stopped in the middle", () => {
  test("by a step that is not finite: names the step, saves the one before, and goes on from there", async () => {
    const directory = smallRunDirectory();
    {
      using open = openSmallRun(directory);
      const attempt = train(open, { engine: failingStep(3) });
      await expect(attempt).rejects.toThrow("grpo step 3: The gradient's norm is NaN.");
      await expect(attempt).rejects.toThrow(EngineError);
    }
    expect(isSaved(directory, 2)).toBe(true);
    {
      using open = openSmallRun(directory, true);
      expect(open.resumePoint).toMatchObject({ step: 2 });
      await train(open);
    }
    expect(told(directory)).toEqual(await uninterrupted());
  });

  test("between the updates of one rollout: nothing is saved, since half a step cannot be gone on from", async () => {
    const settings = { updatesPerRollout: 2 };
    const directory = smallRunDirectory();
    {
      using open = openSmallRun(directory);
      await expect(train(open, { engine: failingStep(6), settings })).rejects.toThrow("grpo step 3");
    }
    expect(isSaved(directory, 2)).toBe(false);
    {
      using open = openSmallRun(directory, true);
      await train(open, { settings });
    }
    expect(told(directory)).toEqual(await uninterrupted(settings));
  });

  test("by a judge that goes away in an evaluation: it is made when the judge is back, and is no plateau", async () => {
    const directory = smallRunDirectory();
    let asked = 0;
    // Six edits of the first evaluation and three steps of sixteen come before the second one.
    const outage: Reward = {
      ...referenceReward,
      score: async (judged, options) => {
        asked += judged.length;
        const verdicts = await referenceReward.score(judged, options);
        return asked > 6 + 3 * 16
          ? verdicts.map(() => ({ kind: "unreachable", reason: "refused" }))
          : verdicts;
      },
    };
    {
      using open = openSmallRun(directory);
      await expect(train(open, { reward: outage })).rejects.toThrow(JudgeError);
    }
    const evaluations = readEvents(directory.events).filter(({ kind }) => kind === "evaluation-end");
    expect(evaluations).toHaveLength(1);
    {
      using open = openSmallRun(directory, true);
      expect(open.resumePoint).toMatchObject({ step: 3 });
      await train(open);
    }
    expect(told(directory)).toEqual(await uninterrupted());
  });

  test("by a judge that goes away and comes back: the step before is saved, and the run goes on by itself", async () => {
    const directory = smallRunDirectory();
    let calls = 0;
    // Twelve groups and more of the first evaluation and steps are judged; then the judge is away for six calls.
    const away: Reward = {
      ...referenceReward,
      score: async (judged, options) => {
        calls += 1;
        const verdicts = await referenceReward.score(judged, options);
        return calls > 14 && calls <= 20
          ? verdicts.map(() => ({ kind: "unreachable", reason: "refused" }))
          : verdicts;
      },
    };
    const settings = { maxPauseMinutes: 0.01 };
    {
      using open = openSmallRun(directory);
      await train(open, { reward: away, settings });
    }
    const kinds = readEvents(directory.events).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "run-paused")).toHaveLength(1);
    expect(kinds.indexOf("run-continued")).toBeGreaterThan(kinds.indexOf("run-paused"));
    expect(told(directory)).toEqual(await uninterrupted(settings));
  });

  test("by a signal in the middle of a rollout: the step is made again", async () => {
    const directory = smallRunDirectory();
    const interrupt = new AbortController();
    let asked = 0;
    const slow: Reward = {
      ...referenceReward,
      score: (judged, options) => {
        asked += judged.length;
        if (asked > 6 + 2 * 16) interrupt.abort();
        options.signal.throwIfAborted();
        return referenceReward.score(judged, options);
      },
    };
    {
      using open = openSmallRun(directory);
      await expect(train(open, { reward: slow, signal: interrupt.signal })).rejects.toThrow("aborted");
    }
    expect(isSaved(directory, 2)).toBe(true);
    {
      using open = openSmallRun(directory, true);
      await train(open);
    }
    expect(told(directory)).toEqual(await uninterrupted());
  });

  test("a body that forgets to report is a defect that is named", async () => {
    using open = openSmallRun(smallRunDirectory());
    const stage = new Stage(
      {
        name: "sft",
        engine: new TabularPolicy(world.grammar),
        schedule: { steps: 2, learningRate: 1, minLearningRateShare: 1, warmupSteps: 0 },
        evaluateEvery: 1,
        saveEvery: 1,
        stopping: { patience: 1, better: "lower", score: "score" },
        evaluate: async () => ({ score: 1, metrics: {} }),
      },
      { recorder: open.recorder, clock: stillClock, seed: 0 },
    );
    const forget = async (): Promise<void> => {
      for await (const step of stage.steps()) expect(step.index).toBe(0);
    };
    await expect(forget()).rejects.toThrow("Step 1 of sft made no report.");
  });
});

describe("a checkpoint that takes long to write", () => {
  /** The files of its second checkpoint are written when `until` resolves. */
  function slowlySaving(until: Promise<void>): PolicyEngine {
    const engine = new TabularPolicy(world.grammar, { keepsReference: true });
    let saves = 0;
    return withMethods(engine, {
      save: async (folder, onCopied) => {
        await engine.save(folder);
        onCopied?.();
        saves += 1;
        if (saves === 2) await until;
      },
    });
  }

  test("does not hold up the loop, and the end of the stage waits for it", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    let write = (): void => {};
    const until = new Promise<void>((resolve) => (write = resolve));
    open.recorder.subscribe((event) => {
      if (event.kind === "step-end" && event.step === 5) write();
    });
    await train(open, { engine: slowlySaving(until), settings: { saveEvery: 3 } });
    const said = readEvents(directory.events).flatMap((event) =>
      event.kind === "step-end" || event.kind === "checkpoint-saved" ? [`${event.kind} ${event.step}`] : [],
    );
    expect(said.indexOf("step-end 5")).toBeLessThan(said.indexOf("checkpoint-saved 3"));
    expect(said.at(-1)).toBe("checkpoint-saved 6");
    const kinds = readEvents(directory.events).map(({ kind }) => kind);
    expect(kinds.lastIndexOf("checkpoint-saved")).toBeLessThan(kinds.indexOf("stage-end"));
    expect(told(directory)).toEqual(await uninterrupted({ saveEvery: 3 }));
  });
});
