/** GRPO with a sampler that draws from another distribution than the trainer's, as low precision does. */

import { expect, test } from "vitest";

import { partsOf, settingsOf, stepMetricsOf, train, world } from "../../test/small/small-grpo.ts";
import { dyingRecorder, openSmallRun, smallRunDirectory } from "../../test/small/small-run.ts";
import { TabularPolicy, withMethods } from "../../test/small/tabular-policy.ts";
import { SFT_LOSS } from "../algorithms/losses.ts";
import { mean } from "../algorithms/statistics.ts";
import type { PolicyEngine, TrainingGroup } from "../engine/policy-engine.ts";
import { comparableEvents } from "../runs/event-log.ts";
import type { Metrics } from "../runs/metrics.ts";
import { demonstrationGroups } from "./demonstrations.ts";

const MEAN = "sampling/importance_sampling_ratio/mean";
const TRUNCATED = "sampling/importance_sampling_ratio/truncated";

/** Samples at a temperature of its own. The policy is not uniform, which is the same at every temperature. */
async function coarse(onStep?: (batch: readonly TrainingGroup[]) => Promise<void>): Promise<PolicyEngine> {
  const engine = new TabularPolicy(world.grammar, { keepsReference: true });
  const edits = await partsOf().validation.take([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  await engine.step(demonstrationGroups(edits), SFT_LOSS, 20);
  return withMethods(engine, {
    agreement: { mean: 1, largest: 5 },
    generate: (request) =>
      engine.generate({ ...request, sampling: { ...request.sampling, temperature: 1.5 } }),
    step: async (batch, ...rest) => {
      await onStep?.(batch);
      return engine.step(batch, ...rest);
    },
  });
}

/** Trains on the coarse sampler. Every batch with what the trainer and the sampler say of it just before its update. */
async function batchesOf(own: object): Promise<{
  readonly metrics: Metrics[];
  readonly seen: {
    readonly completion: TrainingGroup["completions"][0];
    readonly trainer: Float32Array;
    readonly sampler: Float32Array;
  }[];
}> {
  const directory = smallRunDirectory();
  using open = openSmallRun(directory);
  const seen: Awaited<ReturnType<typeof batchesOf>>["seen"] = [];
  const engine = await coarse(async (batch) => {
    const [trainer, sampler] = [
      await engine.logprobs(batch, "policy", 1),
      await engine.logprobs(batch, "policy", 1.5),
    ];
    for (const [group, { completions }] of batch.entries()) {
      for (const [index, completion] of completions.entries()) {
        const said = { trainer: trainer.logprobs[group]![index]!, sampler: sampler.logprobs[group]![index]! };
        seen.push({ completion, ...said });
      }
    }
  });
  await train(open, partsOf({ engine }), settingsOf({ steps: 3, ...own }));
  return { metrics: stepMetricsOf(directory), seen };
}

test("importance weights are the trainer's likelihood over the sampler's, up to the cap, and metrics say so", async () => {
  const cap = 1.05;
  const { metrics, seen } = await batchesOf({ loss: { importanceCap: cap } });
  const ratios = seen.map(({ completion, trainer, sampler }) => {
    const all = Array.from(trainer, (value, token) => Math.exp(value - sampler[token]!));
    expect([...completion.importance!]).toEqual(all.map((ratio) => expect.closeTo(Math.min(ratio, cap), 5)));
    expect(completion).not.toHaveProperty("oldLogprobs");
    return all.filter((_, token) => completion.weights[token] !== 0);
  });
  const each = seen.length / metrics.length;
  for (const [step, one] of metrics.entries()) {
    const counted = ratios.slice(step * each, (step + 1) * each).flat();
    const truncated = counted.filter((ratio) => ratio > cap).length / counted.length;
    expect(one[MEAN]).toBeCloseTo(mean(counted.map((ratio) => Math.min(ratio, cap))), 5);
    expect(one[TRUNCATED]).toBeCloseTo(truncated, 5);
    expect(truncated).toBeGreaterThan(0);
  }
});

test("ratios of a coarse sampler's rollout compare with the trainer", async () => {
  const { metrics, seen } = await batchesOf({ steps: 1, updatesPerRollout: 2 });
  const first = seen.slice(0, seen.length / 2);
  for (const { completion, trainer } of first) {
    for (const [token, old] of completion.oldLogprobs!.entries()) expect(old).toBeCloseTo(trainer[token]!, 5);
    expect(completion).not.toHaveProperty("importance");
  }
  expect(metrics[0]).not.toHaveProperty([MEAN]);
});

test("where the sampler is exact, importance weights are 1 and change nothing", async () => {
  const [without, weighed] = [smallRunDirectory(), smallRunDirectory()];
  for (const [directory, loss] of [
    [without, {}],
    [weighed, { importanceCap: 1 }],
  ] as const) {
    using open = openSmallRun(directory);
    await train(open, partsOf(), settingsOf({ steps: 6, loss }));
  }
  const learned = (metrics: Metrics[]): unknown[] =>
    metrics.map(({ flops: _pass, [MEAN]: _mean, [TRUNCATED]: _share, ...rest }) => rest);
  expect(learned(stepMetricsOf(weighed))).toEqual(learned(stepMetricsOf(without)));
  for (const one of stepMetricsOf(weighed)) expect(one).toMatchObject({ [MEAN]: 1, [TRUNCATED]: 0 });
});

test("a resumed run knows what the trainer said of a rollout that was written ahead", async () => {
  const settings = settingsOf({ lookAhead: 1, steps: 8, saveEvery: 3, loss: { importanceCap: 2 } });
  const [whole, killed] = [smallRunDirectory(), smallRunDirectory()];
  {
    using open = openSmallRun(whole);
    await train(open, partsOf({ engine: await coarse() }), settings);
  }
  {
    using open = openSmallRun(killed);
    // Start, evaluation, checkpoint and three steps with what judges answered: it dies after the second checkpoint.
    const dying = { ...open, recorder: dyingRecorder(open.recorder, 20) };
    await expect(train(dying, partsOf({ engine: await coarse() }), settings)).rejects.toThrow("killed");
  }
  {
    using open = openSmallRun(killed, true);
    expect(open.resumePoint!.step % 3).toBe(0);
    expect(open.resumePoint!.step).toBeGreaterThan(0);
    await train(open, partsOf({ engine: await coarse() }), settings);
  }
  expect(comparableEvents(killed.events)).toEqual(comparableEvents(whole.events));
});
