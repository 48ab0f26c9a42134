import { describe, expect, test } from "vitest";

import type { UntimedEvent } from "../runs/event.ts";
import { RolloutEvents } from "./rollout-events.ts";

describe("RolloutEvents", () => {
  function watching(step: number): {
    readonly events: UntimedEvent[];
    readonly say: (counts: object, seconds?: number) => void;
    readonly beginStep: (now: number) => void;
  } {
    const events: UntimedEvent[] = [];
    let [time, now] = [0, 7];
    const recorder = {
      record: (event: UntimedEvent) => {
        events.push(event);
      },
      saveImage: () => "",
      saveCheckpoint: async () => "",
      settled: async () => {},
    };
    const clock = { now: () => 0, seconds: () => time };
    const watch = new RolloutEvents({ recorder, clock }, { stage: "grpo", step, now: () => now });
    const none = {
      reward: "viescore",
      groups: 2,
      tokens: 0,
      written: 0,
      scored: 0,
      judged: 0,
      failed: 0,
      seconds: 0,
    };
    return {
      events,
      say: (counts, seconds = 0.4) => {
        watch.onProgress({ ...none, ...counts });
        time += seconds;
      },
      beginStep: (next) => {
        now = next;
        watch.begin();
      },
    };
  }

  test("a rollout is heard from once a second, and says at its end what the judge answered", () => {
    const { events, say } = watching(7);
    for (const tokens of [10, 20, 30, 40, 50]) say({ tokens });
    say({ tokens: 50, written: 2, scored: 2, judged: 15, failed: 1, seconds: 3.5 });
    const place = { stage: "grpo", step: 7 };
    expect(events).toEqual([
      { kind: "rollout-progress", ...place, tokens: 40, written: 0, scored: 0, groups: 2 },
      { kind: "judge-calls", ...place, reward: "viescore", calls: 15, failed: 1, seconds: 3.5 },
    ]);
  });

  test("one that is written ahead says so while it is written, and of its judging when its step has come", () => {
    const { events, say, beginStep } = watching(8);
    say({ tokens: 0 }, 2);
    say({ tokens: 40, written: 1 }, 2);
    say({ tokens: 80, written: 2 }, 2);
    say({ tokens: 80, written: 2, scored: 1 }, 2);
    beginStep(8);
    say({ tokens: 80, written: 2, scored: 1 }, 2);
    expect(events).toEqual([
      {
        kind: "rollout-progress",
        stage: "grpo",
        step: 7,
        tokens: 40,
        written: 1,
        scored: 0,
        groups: 2,
        ahead: true,
      },
      { kind: "rollout-progress", stage: "grpo", step: 8, tokens: 80, written: 2, scored: 1, groups: 2 },
    ]);
  });
});
