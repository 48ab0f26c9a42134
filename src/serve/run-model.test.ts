import { describe, expect, test } from "vitest";

import type { LoggedGroup, UntimedEvent } from "../runs/event.ts";
import { RunModel } from "./run-model.ts";

let time = 0;
function modelOf(events: readonly UntimedEvent[]): RunModel {
  const model = new RunModel();
  for (const event of events) model.apply({ ...event, v: 2, attempt: 0, time: (time += 500) });
  return model;
}
const summaryOf = (events: readonly UntimedEvent[], state: "running" | "stopped" = "running") =>
  modelOf(events).summary("mine", { state }, { isReading: false });

const start: UntimedEvent[] = [
  { kind: "run-start", name: "mine", seed: 0 },
  { kind: "stage-start", stage: "grpo", steps: 10 },
];
const step = (number: number, metrics = {}): UntimedEvent => ({
  kind: "step-end",
  stage: "grpo",
  step: number,
  metrics,
});
const group = (exampleId: string, advantage?: number): LoggedGroup => ({
  exampleId,
  task: "add",
  instruction: "Add a circle",
  source: "a.png",
  completions: [{ reward: 1, ...(advantage !== undefined && { advantage }) }, { reward: 3 }],
});

describe("a run's model", () => {
  test("tells steps, pace and what goes on", () => {
    const summary = summaryOf([
      ...start,
      step(1, { reward: 2 }),
      step(2, { reward: 4 }),
      { kind: "rollout-progress", stage: "grpo", step: 3, tokens: 9, written: 3, scored: 1, groups: 4 },
    ]);
    expect(summary.stages).toMatchObject([{ stage: "grpo", step: 2, steps: 10, newest: { reward: 4 } }]);
    expect(summary.secondsLeft).toBeCloseTo(8 * 0.5);
    expect(summary.doing).toBe("step 3: 3 of 4 groups written, 1 scored");
  });

  test("tells of a rollout that is written ahead of its step", () => {
    const counts = { step: 3, tokens: 9, written: 3, scored: 1, groups: 4, ahead: true } as const;
    const { doing } = summaryOf([...start, { kind: "rollout-progress", stage: "grpo", ...counts }]);
    expect(doing).toBe("step 3: of the next rollout 3 of 4 groups written, 1 scored");
  });

  test("a run that nobody writes goes on with nothing", () => {
    const summary = summaryOf(
      [...start, step(1), step(2), { kind: "run-paused", stage: "grpo", reason: "gone" }],
      "stopped",
    );
    expect([summary.secondsLeft, summary.doing, summary.paused]).toEqual([undefined, undefined, undefined]);
    expect(summaryOf([...start, { kind: "run-end" }], "stopped").state).toBe("finished");
  });

  test("shows groups of the step that goes on as they are judged, and then what was made of them", () => {
    const judged: UntimedEvent[] = [
      ...start,
      { kind: "group-judged", stage: "grpo", step: 1, group: group("a") },
      { kind: "group-judged", stage: "grpo", step: 1, group: group("b") },
    ];
    expect(summaryOf(judged).moments).toMatchObject([{ step: 1, groups: 2 }]);
    expect(
      modelOf(judged)
        .groups("grpo", 1)
        .map(({ exampleId }) => exampleId),
    ).toEqual(["a", "b"]);
    const learned: UntimedEvent[] = [
      ...judged,
      { kind: "group-logged", stage: "grpo", step: 1, group: group("a", 0.5) },
      step(1),
    ];
    expect(summaryOf(learned).moments).toMatchObject([{ step: 1, groups: 1 }]);
    expect(modelOf(learned).groups("grpo", 1)[0]?.completions[0]).toMatchObject({ advantage: 0.5 });
    // A step that shows none leaves nothing behind.
    expect(summaryOf([...judged, step(1)]).moments).toEqual([]);
  });

  test("is damaged where an event cannot be read, however sound the newest ones are", () => {
    const model = modelOf(start);
    const fault = "events.jsonl:2 is not an event.";
    for (const [state, shown] of [
      ["finished", "damaged"],
      ["running", "damaged"],
      ["newer earl", "newer earl"],
    ] as const) {
      expect(model.summary("id", { state }, { isReading: false, fault }).state).toBe(shown);
    }
  });

  test("adds up what judges did, and keeps the newest warnings", () => {
    const calls = { stage: "grpo", reward: "viescore" } as const;
    const summary = summaryOf([
      ...start,
      { kind: "judge-calls", ...calls, step: 1, calls: 10, failed: 1, seconds: 20 },
      { kind: "judge-calls", ...calls, step: 2, calls: 10, failed: 0, seconds: 40 },
      ...Array.from({ length: 60 }, (_, at): UntimedEvent => ({
        kind: "warning",
        stage: "grpo",
        step: at,
        figure: "monitor/unchanged",
        value: 1,
        limit: 0.5,
        message: "most pictures equal their source",
      })),
    ]);
    expect(summary.judges).toEqual([{ reward: "viescore", calls: 20, failed: 1, seconds: 3 }]);
    expect([summary.warnings.length, summary.warnings.at(-1)?.step]).toEqual([50, 59]);
  });
});
