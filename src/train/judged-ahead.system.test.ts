/** Judging while training, on the engine that runs by default and with a judge on a server. */

import { EventEmitter, once } from "node:events";

import { expect, test } from "vitest";

import { says } from "../../test/judge-server/behaviour.ts";
import { JudgeServer } from "../../test/judge-server/judge-server.ts";
import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { openSmallRun, smallRunDirectory } from "../../test/small/small-run.ts";
import { withMethods } from "../../test/small/tabular-policy.ts";
import { EngineSettings, openEngineHost } from "../engine/open-engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { freshPolicyConfig } from "../policy/config.ts";
import { initialParameters } from "../policy/parameters.ts";
import { PolicySettings } from "../policy/policy-settings.ts";
import { openRewards, RewardList } from "../rewards/open-reward.ts";
import type { Reward } from "../rewards/reward.ts";
import { systemClock } from "../runs/clock.ts";
import { readEvents } from "../runs/event-log.ts";
import type { Metrics } from "../runs/metrics.ts";
import { grpo } from "./grpo.ts";
import { GrpoSettings } from "./grpo-settings.ts";

const world = smallWorld();
const [PROMPTS, STEPS] = [4, 4];

interface Trained {
  /** What began and ended, in the order of the clock: "asked 2", "answered 2", "update 1", "updated 1". */
  readonly order: readonly string[];
  readonly steps: readonly Metrics[];
}

/**
 * Trains on what a server says. With a look-ahead no verdict on a rollout comes before the update of the step before has
 * ended: a run that waited for it would never end.
 */
async function trained(lookAhead: number): Promise<Trained> {
  await using server = await JudgeServer.start(({ index }) => ({
    does: "waits",
    milliseconds: 10,
    next: says(JSON.stringify({ score: [index % 11, (3 * index) % 11], reasoning: "as asked" })),
  }));
  const endpoints = [{ url: server.url, concurrency: 16 }];
  await using judge = await openRewards(
    RewardList.parse([{ kind: "viescore", model: "judge", endpoints, cache: { isUsed: false } }]),
  );
  const order: string[] = [];
  const updates = new EventEmitter();
  let asked = 0;
  const reward: Reward = {
    name: judge.name,
    needs: judge.needs,
    range: judge.range,
    asksServer: true,
    score: async (edits, options) => {
      // An evaluation has one picture an edit.
      const rollout = edits.length > 1 ? Math.floor(asked++ / PROMPTS) : -1;
      order.push(`asked ${rollout}`);
      const verdicts = await judge.score(edits, options);
      const awaited = `updated ${rollout - 1}`;
      if (lookAhead === 1 && rollout > 0 && !order.includes(awaited)) await once(updates, awaited);
      order.push(`answered ${rollout}`);
      return verdicts;
    },
    [Symbol.asyncDispose]: async () => {},
  };

  await using host = await openEngineHost(EngineSettings.parse({}));
  const config = freshPolicyConfig(
    PolicySettings.parse({ hiddenSize: 32, layers: 2, intermediateSize: 64 }),
    world.tokens.vocabulary,
    128,
  );
  const arrays = initialParameters(config, { embeddingStd: 0.1, weightStd: 0.1, seed: 1 });
  await using opened = await host.openEngine({
    name: "small",
    config,
    grammar: world.grammar,
    weights: { kind: "arrays", arrays },
    trained: "all",
    reference: "start",
    optimizer: OptimizerSettings.parse({}),
  });
  let step = 0;
  const engine = withMethods(opened, {
    step: async (...given) => {
      order.push(`update ${step}`);
      const metrics = await opened.step(...given);
      order.push(`updated ${step}`);
      updates.emit(`updated ${step}`);
      step += 1;
      return metrics;
    },
  });
  const edits = smallEdits(world, paintExamples());
  const directory = smallRunDirectory();
  using open = openSmallRun(directory);
  await grpo(
    { ...world, engine, reward, train: edits, validation: edits },
    GrpoSettings.parse({ lookAhead, steps: STEPS, prompts: PROMPTS, maxTokens: 24, validationSize: 4 }),
    { recorder: open.recorder, clock: systemClock, seed: 2 },
  );
  const steps = readEvents(directory.events).flatMap((event) =>
    event.kind === "step-end" ? [event.metrics] : [],
  );
  return { order, steps };
}

test("with a look-ahead a rollout is asked about before the update of the step before has ended, and judged meanwhile", async () => {
  const { order, steps } = await trained(1);
  expect(steps).toHaveLength(STEPS);
  for (let rollout = 1; rollout < STEPS; rollout += 1) {
    // Pictures are decoded in a thread of their own before a server sees them, and the update may begin meanwhile.
    expect(order.indexOf(`asked ${rollout}`)).toBeLessThan(order.indexOf(`updated ${rollout - 1}`));
    expect(order.indexOf(`answered ${rollout}`)).toBeGreaterThan(order.indexOf(`updated ${rollout - 1}`));
    // The step's own timing says so: most of that update is time that it did not wait for.
    const hidden = steps[rollout]!["time/judging_hidden"]!;
    expect(hidden).toBeGreaterThan(0.5 * steps[rollout - 1]!["time/update"]!);
  }
});

test("without one every verdict comes before the update, and the next rollout is asked about after it", async () => {
  const { order } = await trained(0);
  for (let step = 0; step < STEPS; step += 1) {
    expect(order.lastIndexOf(`answered ${step}`)).toBeLessThan(order.indexOf(`update ${step}`));
    expect(order.indexOf(`asked ${step}`)).toBeGreaterThan(order.indexOf(`updated ${step - 1}`));
  }
});
