import { describe, expect, test } from "vitest";

import type { UntimedEvent } from "../runs/event.ts";
import { RolloutEvents } from "./rollout-events.ts";

describe("RolloutEvents", () => {
  test("a rollout is heard from once a second, and says at its end what the judge answered", () => {
    const events: UntimedEvent[] = [];
    let time = 0;
    const recorder = {
      record: (event: UntimedEvent) => {
        events.push(event);
      },
      saveImage: () => "",
      saveCheckpoint: async () => "",
    };
    const clock = { now: () => 0, seconds: () => time };
    const watch = new RolloutEvents({ recorder, clock }, { stage: "grpo", step: 7, now: () => 7 });
    const progress = {
      reward: "viescore",
      groups: 2,
      written: 0,
      scored: 0,
      judged: 0,
      failed: 0,
      seconds: 0,
    };
    for (const tokens of [10, 20, 30, 40, 50]) {
      watch.onProgress({ ...progress, tokens });
      time += 0.4;
    }
    watch.onProgress({
      ...progress,
      tokens: 50,
      written: 2,
      scored: 2,
      judged: 15,
      failed: 1,
      seconds: 3.5,
    });
    const place = { stage: "grpo", step: 7 };
    const written = { ...place, written: 0, scored: 0, groups: 2 };
    expect(events).toEqual([
      { kind: "rollout-progress", ...written, tokens: 40 },
      { kind: "judge-calls", ...place, reward: "viescore", calls: 15, failed: 1, seconds: 3.5 },
    ]);
  });
});
