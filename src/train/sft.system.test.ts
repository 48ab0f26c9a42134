import { appendFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import {
  dyingRecorder,
  openSmallRun,
  type RunUnderTest,
  smallRunDirectory,
  stillClock,
} from "../../test/small/small-run.ts";
import { TabularPolicy } from "../../test/small/tabular-policy.ts";
import { SftSettings } from "./sft-settings.ts";
import type { EditExample } from "../data/edit-dataset.ts";
import { CheckpointError, DataError } from "../errors.ts";
import { comparableEvents, readEvents } from "../runs/event-log.ts";
import { sft, type SftWorld } from "./sft.ts";
import type { StageResult } from "./stage.ts";

const world = smallWorld();
const settings = SftSettings.parse({
  steps: 60,
  batchSize: 8,
  learningRate: 40,
  warmupSteps: 3,
  evaluateEvery: 20,
  saveEvery: 15,
});

function partsOf(examples: readonly EditExample[] = paintExamples()): SftWorld {
  const edits = smallEdits(world, examples);
  return {
    engine: new TabularPolicy(world.grammar),
    train: edits,
    validation: edits,
  };
}

function train(
  open: RunUnderTest,
  parts = partsOf(),
  own = settings,
  signal?: AbortSignal,
): Promise<StageResult> {
  const { recorder, resumePoint } = open;
  return sft(parts, own, {
    recorder,
    clock: stillClock,
    seed: 5,
    ...(signal === undefined ? {} : { signal }),
    ...(resumePoint === undefined ? {} : { resume: resumePoint }),
  });
}

function validationLosses(path: string): number[] {
  return readEvents(path).flatMap((event) =>
    event.kind === "evaluation-end" ? [event.metrics["loss/validation"]!] : [],
  );
}

describe("sft", () => {
  test("learns the demonstrations: the validation loss falls from ln 4 towards 0", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    const result = await train(open);
    const losses = validationLosses(directory.events);
    expect(losses).toHaveLength(4);
    expect(losses[0]).toBeCloseTo(Math.log(4), 6);
    expect(losses[3]).toBeLessThan(0.1);
    expect(result).toMatchObject({ reason: "finished", step: 60, bestStep: 60, bestScore: losses[3] });
  });

  test("the first step's loss is the mean over free tokens alone", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    await train(open, partsOf(), { ...settings, steps: 1 });
    const [first] = readEvents(directory.events).filter((event) => event.kind === "step-end");
    expect(first?.metrics).toMatchObject({ learning_rate: 40 / 3, num_tokens: 8 * 4 });
    expect(first?.metrics.loss).toBeCloseTo(Math.log(4), 6);
  });

  test("killed at any event and resumed, it writes the events of an uninterrupted run", async () => {
    const whole = smallRunDirectory();
    {
      using open = openSmallRun(whole);
      await train(open);
    }
    const uninterrupted = comparableEvents(whole.events);
    // The run's own start is recorded before the stage begins, and checkpoints are by the recorder itself.
    const last = uninterrupted.filter(
      ({ kind }) => kind !== "run-start" && kind !== "checkpoint-saved",
    ).length;
    for (const killAt of [1, 17, 38, last]) {
      const directory = smallRunDirectory();
      {
        using open = openSmallRun(directory);
        const dying = { ...open, recorder: dyingRecorder(open.recorder, killAt) };
        await expect(train(dying)).rejects.toThrow("killed");
      }
      appendFileSync(directory.events, '{"kind":"st');
      {
        using open = openSmallRun(directory, true);
        await train(open);
      }
      expect(comparableEvents(directory.events)).toEqual(uninterrupted);
    }
  });

  test("an interrupted run finishes its step, saves, and goes on with the same numbers", async () => {
    const whole = smallRunDirectory();
    const directory = smallRunDirectory();
    {
      using open = openSmallRun(whole);
      await train(open);
    }
    {
      using open = openSmallRun(directory);
      const interrupt = new AbortController();
      open.recorder.subscribe((event) => {
        if (event.kind === "step-end" && event.step === 22) interrupt.abort();
      });
      const result = await train(open, partsOf(), settings, interrupt.signal);
      expect(result).toMatchObject({ reason: "interrupted", step: 22 });
    }
    {
      using open = openSmallRun(directory, true);
      expect(open.resumePoint).toMatchObject({ stage: "sft", step: 22 });
      await train(open);
    }
    const stepsOf = (path: string): unknown[] =>
      comparableEvents(path).filter((event) => event.kind === "step-end");
    expect(stepsOf(directory.events)).toEqual(stepsOf(whole.events));
  });

  test("stops early where the validation loss no longer falls, and names the best step", async () => {
    const examples = paintExamples();
    // Validation wants other pictures than training shows: the loss there can only rise after the start.
    const wrong = examples.map((example, index) => ({
      ...example,
      target: examples[(index + 1) % 12]!.target!,
    }));
    const parts = { ...partsOf(), validation: smallEdits(world, wrong) };
    using open = openSmallRun(smallRunDirectory());
    const result = await train(open, parts, { ...settings, evaluateEvery: 5, patience: 2 });
    expect(result.reason).toBe("early-stop");
    expect(result.step).toBe(result.bestStep + 10);
  });

  test("an example without a target is refused by its name", async () => {
    const { target: _, ...bare } = paintExamples()[0]!;
    using open = openSmallRun(smallRunDirectory());
    const attempt = train(open, partsOf([bare]));
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("Example 0-red has no target picture");
  });

  test("no training examples, or a checkpoint of another stage, is refused", async () => {
    using open = openSmallRun(smallRunDirectory());
    await expect(train(open, partsOf([]))).rejects.toThrow("There are no training examples.");
    const { recorder } = open;
    const resume = { stage: "grpo", step: 1, loop: {}, checkpoint: "x", best: {} } as const;
    const attempt = sft(partsOf(), settings, { recorder, clock: stillClock, seed: 5, resume });
    await expect(attempt).rejects.toThrow(CheckpointError);
  });
});
