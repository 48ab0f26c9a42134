/** GRPO steps of one size, timed: a line a step, of what it took and of the arithmetic in it. For bench/growth.ts. */

import { parseArgs } from "node:util";

import type { LossSpec } from "../../src/algorithms/losses.ts";
import { openOnnxEngine } from "../../src/engine/onnx/onnx-engine.ts";
import type { Completion, TrainingGroup } from "../../src/engine/policy-engine.ts";
import { initialParameters } from "../../src/policy/parameters.ts";
import { Rng } from "../../src/random.ts";
import { plainGrammar } from "../../src/tokens/plain-grammar.ts";
import type { Prompt } from "../../src/tokens/prompt.ts";
import { CONFIG, printFigures } from "./workload.ts";

const { values } = parseArgs({
  options: {
    prompts: { type: "string", default: "8" },
    group: { type: "string", default: "8" },
    side: { type: "string", default: "8" },
    codes: { type: "string", default: "1000" },
    layers: { type: "string", default: "4" },
    steps: { type: "string", default: "3" },
    warmup: { type: "string", default: "1" },
  },
});
const WORDS = 200;
const [prompts, groupSize, side, codes, layers, steps, warmup] = [
  values.prompts,
  values.group,
  values.side,
  values.codes,
  values.layers,
  values.steps,
  values.warmup,
].map(Number) as [number, number, number, number, number, number, number];
/** Of the source picture and of the edited one. */
const length = side * side;

const config = {
  ...CONFIG,
  vocabularySize: WORDS + codes,
  hiddenSize: 128,
  intermediateSize: 344,
  heads: 4,
  keyValueHeads: 4,
  layers,
  maxPositions: 2 * length + 64,
};
await using engine = await openOnnxEngine({
  config,
  grammar: plainGrammar(config.vocabularySize, { start: WORDS, length }),
  weights: {
    kind: "arrays",
    arrays: initialParameters(config, { embeddingStd: 0.02, weightStd: 0.02, seed: 0 }),
  },
  optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
  recompute: false,
  threads: 0,
  // What does not fit goes in several passes, as in a run.
  microbatchTokens: 16_384,
  generationRows: 128,
});
const rng = Rng.from(1, "prompts");
const asked = Array.from({ length: prompts }, (): Prompt => ({
  ids: Int32Array.from({ length: length + 16 }, () => WORDS + rng.integer(codes)),
  grid: { rows: side, columns: side },
  writes: "image",
}));
const sampling = { groupSize, temperature: 1, topK: 0, topP: 1, maxTokens: length };
const loss: LossSpec = { surrogate: { kind: "on-policy" }, temperature: 1 };
const weights = new Float32Array(length).fill(1 / (prompts * groupSize * length));

for (let step = 0; step < warmup + steps; step += 1) {
  const start = performance.now();
  let generationFlops = 0;
  const drawn: (readonly Completion[])[] = asked.map(() => []);
  for await (const group of engine.generate({ prompts: asked, sampling, seed: step })) {
    drawn[group.prompt] = group.completions;
    generationFlops += group.flops;
  }
  const generated = performance.now();
  const batch = asked.map((prompt, index): TrainingGroup => ({
    prompt,
    completions: (drawn[index] ?? []).map(({ ids, constraints }, place) => ({
      ids,
      constraints,
      advantage: place % 2 === 0 ? 1 : -1,
      weights,
    })),
  }));
  const { flops } = await engine.step(batch, loss, 1e-4);
  const end = performance.now();
  if (step < warmup) continue;
  printFigures({
    seconds: (end - start) / 1000,
    generation: (generated - start) / 1000,
    training: (end - generated) / 1000,
    flops: flops + generationFlops,
  });
}
