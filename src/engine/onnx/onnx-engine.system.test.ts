/** The in-process engine: the contract, and equivalences that only it can show. */

import { describe, expect, test } from "vitest";

import type { LossSpec } from "../../algorithms/losses.ts";
import { SFT_LOSS } from "../../algorithms/losses.ts";
import { freshPolicyConfig } from "../../policy/config.ts";
import type { LoraSettings } from "../../policy/lora.ts";
import { initialParameters, PROJECTIONS } from "../../policy/parameters.ts";
import { Rng } from "../../random.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import { engineContract } from "../policy-engine.contract.ts";
import type { TrainingGroup } from "../policy-engine.ts";
import type { OnnxEngineOptions } from "./onnx-engine.ts";
import { openOnnxEngine } from "./onnx-engine.ts";

const VOCABULARY_SIZE = 40;
const LENGTH = 7;

const VOCABULARY = {
  size: VOCABULARY_SIZE,
  pad: 0,
  bos: 1,
  eos: 2,
  eol: 3,
  eof: 4,
  img: 5,
  boi: 6,
  eoi: 7,
  imageTokenOffset: 8,
  codebookSize: 32,
};

function options(): OnnxEngineOptions {
  const config = freshPolicyConfig(
    {
      hiddenSize: 16,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      intermediateSize: 24,
      ropeTheta: 500,
      normEpsilon: 1e-5,
      weightStd: 0.2,
    },
    VOCABULARY,
    64,
  );
  return {
    config,
    grammar: plainGrammar(VOCABULARY_SIZE, { length: LENGTH }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 1, weightStd: 0.3, seed: 5 }),
    },
    reference: "start",
    optimizer: { beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0, maxGradNorm: 1 },
    recompute: false,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
  };
}

const SUBJECT = { vocabularySize: VOCABULARY_SIZE, length: LENGTH };
engineContract("the onnx engine", { open: async () => openOnnxEngine(options()), ...SUBJECT });

/** Beside every projection, so that each kind of linear map is adapted. */
const LORA: LoraSettings = { rank: 4, alpha: 6, targets: PROJECTIONS, isRankStabilised: false };

engineContract("the onnx engine with LoRA", {
  open: async () => openOnnxEngine({ ...options(), trained: LORA }),
  ...SUBJECT,
});

function groups(prompts: number, groupSize: number): TrainingGroup[] {
  const rng = Rng.from(3, "groups");
  const ids = (length: number): Int32Array => Int32Array.from({ length }, () => rng.integer(VOCABULARY_SIZE));
  return Array.from({ length: prompts }, (_, index) => ({
    prompt: { ids: ids(4 + index), grid: { rows: 1, columns: 1 }, writes: "image" } satisfies Prompt,
    completions: Array.from({ length: groupSize }, () => ({
      ids: ids(LENGTH),
      constraints: new Int8Array(LENGTH),
      advantage: rng.normal(),
      weights: new Float32Array(LENGTH).fill(1 / (prompts * groupSize * LENGTH)),
      oldLogprobs: Float32Array.from({ length: LENGTH }, () => -3 + rng.normal()),
      refLogprobs: Float32Array.from({ length: LENGTH }, () => -3 + rng.normal()),
    })),
  }));
}

/** A step's metrics and the log-probabilities after it: equal where the updates were equal. */
async function afterSteps(
  changes: Partial<OnnxEngineOptions>,
  batch: readonly TrainingGroup[],
  loss: LossSpec,
): Promise<number[]> {
  await using engine = await openOnnxEngine({ ...options(), ...changes });
  const metrics = [];
  for (let step = 0; step < 2; step += 1) metrics.push(await engine.step(batch, loss, 1e-2));
  const { logprobs } = await engine.logprobs(batch, "policy", 1);
  return [
    ...metrics.flatMap(({ loss: value, gradNorm, entropy }) => [value, gradNorm, entropy]),
    ...logprobs.flat().flatMap((values) => [...values]),
  ];
}

function expectClose(left: readonly number[], right: readonly number[], tolerance: number): void {
  expect(left).toHaveLength(right.length);
  for (const [index, value] of left.entries())
    expect(Math.abs(value - (right[index] as number))).toBeLessThan(tolerance);
}

const GRPO: LossSpec = {
  surrogate: { kind: "on-policy" },
  kl: { estimator: "k3", coef: 0.1 },
  temperature: 1,
};

describe("the onnx engine", () => {
  test("accumulates microbatches to the same update as the whole batch", async () => {
    const batch = groups(4, 3);
    expectClose(
      await afterSteps({ microbatchTokens: 40 }, batch, GRPO),
      await afterSteps({}, batch, GRPO),
      1e-4,
    );
  });

  test("computes the prompt once a group and gets the gradient of every completion by itself", async () => {
    const batch = groups(3, 4);
    const alone = batch.flatMap(({ prompt, completions }) =>
      completions.map((one) => ({ prompt, completions: [one] })),
    );
    expectClose(await afterSteps({}, batch, GRPO), await afterSteps({}, alone, GRPO), 1e-4);
  });

  test("computes the same with activations recomputed in the backward pass", async () => {
    const batch = groups(3, 4);
    expectClose(await afterSteps({ recompute: true }, batch, GRPO), await afterSteps({}, batch, GRPO), 1e-5);
  });

  test.each([
    { kind: "clipped", clipLow: 0.2, clipHigh: 0.28 },
    { kind: "sequence-clipped", clipLow: 0.2, clipHigh: 0.28 },
    { kind: "capped-weight", clipHigh: 1 },
  ] as const)("trains with the $kind surrogate and every KL estimator", async (surrogate) => {
    const batch = groups(2, 3);
    for (const estimator of ["k1", "k2", "k3"] as const) {
      const values = await afterSteps({}, batch, { surrogate, kl: { estimator, coef: 0.1 }, temperature: 1 });
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });

  test("learns the same again with several threads, and the same as with one but for rounding", async () => {
    // Large enough that onnxruntime shares every op among its threads.
    const batch = groups(64, 24);
    const inThreads = (threads: number): Promise<number[]> =>
      afterSteps({ threads, microbatchTokens: 100_000 }, batch, GRPO);
    const several = await inThreads(4);
    expect(await inThreads(4)).toEqual(several);
    expectClose(several, await inThreads(1), 1e-4);
  });

  test("refuses an empty step", async () => {
    await using engine = await openOnnxEngine(options());
    await expect(engine.step([], SFT_LOSS, 1e-3)).rejects.toThrow("at least one group");
  });
});
