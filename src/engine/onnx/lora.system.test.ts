/** LoRA in the in-process engine: adapters beside given weights, against the base and against merged weights. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { LossSpec } from "../../algorithms/losses.ts";
import { readAdapterDirectory } from "../../policy/adapter-directory.ts";
import {
  adaptedWeight,
  initialLora,
  loraScale,
  type LoraPair,
  type LoraSettings,
} from "../../policy/lora.ts";
import { initialParameters, PROJECTIONS } from "../../policy/parameters.ts";
import { savePolicyDirectory } from "../../policy/save-policy.ts";
import { EMU3_CONFIG, type PolicyConfig } from "../../policy/config.ts";
import { Rng } from "../../random.ts";
import type { Value } from "../../tensor/value.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import type { PolicyWeights, TrainingGroup } from "../policy-engine.ts";
import { flatten, parameterLayout, parameterViews } from "./flat-parameters.ts";
import { openOnnxEngine, type OnnxEngineOptions } from "./onnx-engine.ts";
import { packBatch } from "./packed-batch.ts";
import { arraySource, freshAdapter } from "./parameter-source.ts";
import type { Trained } from "../engine-host.ts";
import type { OptimizerSettings } from "../optimizer-settings.ts";
import { adapterNames, policyParts } from "./policy-parts.ts";
import { PolicyWorkspace } from "./policy-workspace.ts";
import { ACCUMULATED, accumulateGraph } from "./training-graphs.ts";

const CONFIG: PolicyConfig = {
  ...EMU3_CONFIG,
  vocabularySize: 40,
  hiddenSize: 16,
  intermediateSize: 24,
  layers: 2,
  heads: 4,
  keyValueHeads: 2,
  headSize: 4,
  maxPositions: 64,
  bosId: 1,
  eosId: 2,
  padId: 0,
};
const LENGTH = 7;
const GRAMMAR = plainGrammar(CONFIG.vocabularySize, { length: LENGTH });
const LORA: LoraSettings = { rank: 3, alpha: 5, targets: PROJECTIONS, isRankStabilised: false };
const OPTIMIZER: OptimizerSettings = {
  kind: "adamw",
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-6,
  weightDecay: 0,
  maxGradNorm: 1,
};
const SETTINGS = {
  config: CONFIG,
  segments: GRAMMAR.segments,
  optimizer: OPTIMIZER,
  recompute: false,
  threads: 1,
};
const GRPO: LossSpec = {
  surrogate: { kind: "on-policy" },
  kl: { estimator: "k3", coef: 0.1 },
  temperature: 1,
};
const base = (): Map<string, Float32Array> =>
  initialParameters(CONFIG, { embeddingStd: 1, weightStd: 0.3, seed: 5 });

/** An adapter whose B is not zero, as after some steps. */
function trainedPairs(): Map<string, LoraPair> {
  const pairs = initialLora(CONFIG, LORA, 2);
  const rng = Rng.from(4, "b");
  for (const { b } of pairs.values()) for (const index of b.keys()) b[index] = 0.3 * rng.normal();
  return pairs;
}

function withAdapter(pairs: ReadonlyMap<string, LoraPair>): Map<string, Float32Array> {
  const all = base();
  for (const [name, { a, b }] of pairs) {
    all.set(adapterNames(name).a, a);
    all.set(adapterNames(name).b, b);
  }
  return all;
}

function merged(pairs: ReadonlyMap<string, LoraPair>): Map<string, Float32Array> {
  const all = base();
  for (const [name, pair] of pairs) {
    all.set(name, adaptedWeight(all.get(name) as Float32Array, pair, LORA.rank, loraScale(LORA)));
  }
  return all;
}

const rng = Rng.from(3, "groups");
const ids = (length: number): Int32Array =>
  Int32Array.from({ length }, () => rng.integer(CONFIG.vocabularySize));
const GROUPS: TrainingGroup[] = [4, 6].map((length) => ({
  prompt: { ids: ids(length), grid: { rows: 1, columns: 1 }, writes: "image" },
  completions: Array.from({ length: 3 }, () => ({
    ids: ids(LENGTH),
    constraints: new Int8Array(LENGTH),
    advantage: rng.normal(),
    weights: new Float32Array(LENGTH).fill(1 / (6 * LENGTH)),
    refLogprobs: Float32Array.from({ length: LENGTH }, () => -3 + rng.normal()),
  })),
}));

async function logprobs(parameters: Map<string, Float32Array>, trained: Trained): Promise<Float32Array> {
  await using space = new PolicyWorkspace({ ...SETTINGS, trained });
  await space.setState({ kind: "arrays", arrays: parameters });
  const { logprobs: values } = await space.logprobs(packBatch(GROUPS, GRAMMAR.segments), "policy", 1);
  return values;
}

/** The gradient of the loss by parameter. */
async function gradient(
  parameters: Map<string, Float32Array>,
  trained: Trained,
): Promise<Map<string, Float32Array>> {
  const policy = { config: CONFIG, trained };
  await using space = new PolicyWorkspace({ ...SETTINGS, trained });
  const batch = packBatch(GROUPS, GRAMMAR.segments);
  const layout = parameterLayout(policyParts(policy).trained);
  const build = (): Record<string, Value> => accumulateGraph(space.options, batch.shape, GRPO);
  const { read: results } = await space.runner.run(
    { key: ["gradient"], build },
    {
      ...batch.feeds,
      ...Object.fromEntries(parameters),
      [ACCUMULATED]: new Float32Array(layout.size),
      parameters: flatten(layout, parameters),
      inverseTemperature: Float32Array.of(1),
    },
  );
  return parameterViews(layout, results[`next:${ACCUMULATED}`] as Float32Array);
}

/** left [n, m] · right [m, k], or with left read as its transpose [m, n]. */
function product(left: Float32Array, right: Float32Array, inner: number, isFlipped = false): Float32Array {
  const [n, k] = [left.length / inner, right.length / inner];
  const result = new Float32Array(n * k);
  for (const index of result.keys()) {
    const [row, column] = [Math.floor(index / k), index % k];
    for (let m = 0; m < inner; m += 1)
      result[index]! += left[isFlipped ? m * n + row : row * inner + m]! * right[m * k + column]!;
  }
  return result;
}

function expectClose(got: Float32Array, want: Float32Array, tolerance: number, what = ""): void {
  expect(got).toHaveLength(want.length);
  for (const [index, value] of got.entries())
    expect(Math.abs(value - want[index]!), what).toBeLessThan(tolerance);
}

describe("LoRA in the graphs", () => {
  test("a fresh adapter gives exactly the base's log-probabilities", async () => {
    expect(await logprobs(base(), LORA)).toEqual(await logprobs(base(), "none"));
  });

  test("a trained adapter gives what merged weights give", async () => {
    const [beside, inside] = [
      await logprobs(withAdapter(trainedPairs()), LORA),
      await logprobs(merged(trainedPairs()), "all"),
    ];
    expectClose(beside, inside, 1e-5);
    const plain = await logprobs(base(), "all");
    expect(Math.max(...beside.map((value, at) => Math.abs(value - plain[at]!)))).toBeGreaterThan(0.1);
  });

  test("the gradients of A and B follow from the gradient of the merged weight", async () => {
    const pairs = trainedPairs();
    const got = await gradient(withAdapter(pairs), LORA);
    const whole = await gradient(merged(pairs), "all");
    const scale = loraScale(LORA);
    expect([...got.keys()]).toHaveLength(2 * CONFIG.layers * PROJECTIONS.length);
    for (const [name, { a, b }] of pairs) {
      const ofWeight = (whole.get(name) as Float32Array).map((value) => scale * value);
      const output = b.length / LORA.rank;
      // W + s·B·A: dA = s·Bᵀ·dW, dB = s·dW·Aᵀ.
      const wantA = product(b, ofWeight, output, true);
      const flippedA = Float32Array.from(
        a,
        (_, at) => a[(at % LORA.rank) * (a.length / LORA.rank) + Math.floor(at / LORA.rank)]!,
      );
      const wantB = product(ofWeight, flippedA, a.length / LORA.rank);
      const { a: nameA, b: nameB } = adapterNames(name);
      expectClose(got.get(nameA) as Float32Array, wantA, 2e-6, nameA);
      expectClose(got.get(nameB) as Float32Array, wantB, 2e-6, nameB);
      expect(wantA.some((value) => Math.abs(value) > 1e-4)).toBe(true);
    }
  });

  test("a fresh adapter is the same for a seed, and complete", async () => {
    const source = arraySource(freshAdapter(CONFIG, LORA, 7));
    for (const { name } of policyParts({ config: CONFIG, trained: LORA }).trained)
      expect(await source.read(name)).toEqual(freshAdapter(CONFIG, LORA, 7).get(name));
  });
});

describe("an engine with LoRA", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "earl-lora-engine-"));
    await savePolicyDirectory(join(folder, "base"), CONFIG, base());
  });
  afterAll(() => rm(folder, { recursive: true }));

  const options = (changes: Partial<OnnxEngineOptions>): OnnxEngineOptions => ({
    config: CONFIG,
    grammar: GRAMMAR,
    optimizer: SETTINGS.optimizer,
    recompute: false,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
    trained: LORA,
    weights: { kind: "files", directory: join(folder, "base") },
    ...changes,
  });

  const trainedAdapter = (): PolicyWeights => ({
    kind: "adapter",
    directory: join(folder, "base"),
    adapter: join(folder, "adapter"),
  });

  test("saves an adapter that another engine goes on with, and keeps base and reference as they were", async () => {
    await using engine = await openOnnxEngine(options({ reference: "start" }));
    const start = await engine.logprobs(GROUPS, "policy", 1);
    await engine.step(GROUPS, GRPO, 1e-2);
    await engine.step(GROUPS, GRPO, 1e-2);
    expect(await engine.logprobs(GROUPS, "reference", 1)).toEqual(start);
    await engine.save(join(folder, "adapter"));
    const learned = await engine.logprobs(GROUPS, "policy", 1);
    expect(learned.logprobs).not.toEqual(start.logprobs);

    const place = await readAdapterDirectory(join(folder, "adapter"));
    expect(place).toEqual({ base: resolve(folder, "base"), settings: { ...LORA, isNested: false } });
    await using other = await openOnnxEngine(options({ weights: trainedAdapter(), reference: "start" }));
    await other.step(GROUPS, GRPO, 1e-2);
    // What a stage starts from is its reference, a trained adapter included.
    expect(await other.logprobs(GROUPS, "reference", 1)).toEqual(learned);
    // Another may be given instead: the base alone, through an adapter that adds nothing.
    const reference = { kind: "files", directory: join(folder, "base") } as const;
    await using third = await openOnnxEngine(options({ weights: trainedAdapter(), reference }));
    expect(await third.logprobs(GROUPS, "reference", 1)).toEqual(start);
    expect(await third.logprobs(GROUPS, "policy", 1)).toEqual(learned);
  });

  test("refuses an adapter of other settings and weights of another shape", async () => {
    const weights = trainedAdapter();
    await expect(openOnnxEngine(options({ weights, trained: { ...LORA, rank: 4 } }))).rejects.toThrow(
      "wanted are rank 4",
    );
    await expect(openOnnxEngine(options({ config: { ...CONFIG, layers: 3 } }))).rejects.toThrow(
      "another shape",
    );
  });

  test("one that trains nothing generates and scores, and refuses a step", async () => {
    await using engine = await openOnnxEngine(options({ trained: "none" }));
    await using whole = await openOnnxEngine(options({ trained: "all" }));
    expect(await engine.logprobs(GROUPS, "policy", 1)).toEqual(await whole.logprobs(GROUPS, "policy", 1));
    await expect(engine.step(GROUPS, GRPO, 1e-2)).rejects.toThrow("nothing to train");
  });
});
