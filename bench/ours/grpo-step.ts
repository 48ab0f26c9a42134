/** A GRPO step of ours, timed: generate, score, advantages, (reference log-probabilities,) update. */

import { parseArgs } from "node:util";

import { groupAdvantages } from "../../src/algorithms/advantages.ts";
import type { LossSpec } from "../../src/algorithms/losses.ts";
import type { Completion, TrainingGroup } from "../../src/engine/policy-engine.ts";
import {
  benchPrompts,
  evenShare,
  openChosenEngine,
  printFigures,
  SAMPLING,
  GROUP_SIZE,
  PROMPTS,
  COMPLETION_TOKENS,
} from "./workload.ts";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "8" },
    warmup: { type: "string", default: "2" },
    beta: { type: "string", default: "0" },
    engine: { type: "string", default: "onnx" },
  },
});

const beta = Number(values.beta);
const loss: LossSpec = {
  surrogate: { kind: "on-policy" },
  temperature: 1,
  ...(beta === 0 ? {} : { kl: { estimator: "k3", coef: beta } }),
};
await using engine = await openChosenEngine(values.engine, beta === 0 ? {} : { reference: "start" });
const prompts = benchPrompts();
const weights = new Float32Array(COMPLETION_TOKENS).fill(1 / (PROMPTS * GROUP_SIZE * COMPLETION_TOKENS));

for (let step = 0; step < Number(values.steps) + Number(values.warmup); step += 1) {
  const start = performance.now();
  const groups: (readonly Completion[])[] = prompts.map(() => []);
  for await (const { prompt, completions } of engine.generate({ prompts, sampling: SAMPLING, seed: step }))
    groups[prompt] = completions;
  const generated = performance.now();

  const asGroups = groups.map((completions, index) => ({
    prompt: prompts[index] as (typeof prompts)[0],
    completions,
  }));
  const reference = beta === 0 ? undefined : await engine.logprobs(asGroups, "reference", 1);
  const rewards = asGroups.map(({ completions }) => completions.map(({ ids }) => evenShare(ids)));
  const advantages = groupAdvantages(rewards, "sample");
  const batch: TrainingGroup[] = asGroups.map(({ prompt, completions }, index) => ({
    prompt,
    completions: completions.map(({ ids, constraints }, position) => {
      const refLogprobs = reference?.logprobs[index]?.[position];
      const advantage = advantages[index]?.[position] ?? 0;
      return { ids, constraints, advantage, weights, ...(refLogprobs === undefined ? {} : { refLogprobs }) };
    }),
  }));
  await engine.step(batch, loss, 1e-4);
  const end = performance.now();
  printFigures({
    generation: (generated - start) / 1000,
    training: (end - generated) / 1000,
    total: (end - start) / 1000,
  });
}
