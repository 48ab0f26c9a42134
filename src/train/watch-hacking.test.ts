import { expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { openSmallRun, smallRunDirectory, stillClock } from "../../test/small/small-run.ts";
import { TabularPolicy } from "../../test/small/tabular-policy.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";
import { readEvents } from "../runs/event-log.ts";
import { GrpoSettings } from "./grpo-settings.ts";
import { grpo } from "./grpo.ts";

const world = smallWorld();
const edits = smallEdits(world, paintExamples());

/** A judge that is taken in by what the reference calls bad. */
const fooled: Reward = {
  ...referenceReward,
  name: "fooled",
  score: async (judged, options) =>
    (await referenceReward.score(judged, options)).map((verdict) =>
      verdict.kind === "scored" ? { ...verdict, score: 10 - verdict.score } : verdict,
    ),
};

async function steps(reward: Reward, monitors: object): Promise<ReturnType<typeof readEvents>> {
  const directory = smallRunDirectory();
  using open = openSmallRun(directory);
  const settings = GrpoSettings.parse({
    steps: 1,
    prompts: 6,
    groupSize: 8,
    maxTokens: 40,
    validationSize: 2,
    monitors,
  });
  const engine = new TabularPolicy(world.grammar, { keepsReference: true });
  const run = { recorder: open.recorder, clock: stillClock, seed: 5 };
  await grpo({ ...world, engine, reward, train: edits, validation: edits }, settings, run);
  return readEvents(directory.events);
}

test("figures of every step are metrics, and a judge that contradicts the targets is a warning", async () => {
  const events = await steps(fooled, {});
  const [step] = events.filter((event) => event.kind === "step-end");
  expect(step?.metrics["monitor/disagreement"]).toBeCloseTo(2, 5);
  expect(step?.metrics["monitor/repeated"]).toBeGreaterThanOrEqual(0);
  expect(events.filter((event) => event.kind === "warning")).toMatchObject([
    { stage: "grpo", step: 1, figure: "disagreement", limit: 1 },
  ]);
});

test("thresholds decide what is a warning; the reference is not compared with itself", async () => {
  const events = await steps(referenceReward, { leastCodeEntropy: 20 });
  const [step] = events.filter((event) => event.kind === "step-end");
  expect(step?.metrics).not.toHaveProperty("monitor/disagreement");
  expect(events.flatMap((event) => (event.kind === "warning" ? [event.figure] : []))).toEqual([
    "codeEntropy",
  ]);
});
