/** Muon in the in-process engine: resumed, and in microbatches, with all weights and with an adapter. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { SFT_LOSS } from "../../algorithms/losses.ts";
import { freshPolicyConfig } from "../../policy/config.ts";
import { initialParameters, PROJECTIONS } from "../../policy/parameters.ts";
import { Rng } from "../../random.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import type { Trained } from "../engine-host.ts";
import { OptimizerSettings } from "../optimizer-settings.ts";
import type { PolicyEngine, TrainingGroup } from "../policy-engine.ts";
import { openOnnxEngine, type OnnxEngineOptions } from "./onnx-engine.ts";

const VOCABULARY_SIZE = 40;
const LENGTH = 7;
const CONFIG = freshPolicyConfig(
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
  { size: VOCABULARY_SIZE, pad: 0, bos: 1, eos: 2 },
  64,
);
const MUON = OptimizerSettings.parse({ kind: "muon", weightDecay: 0.1 });
const CASES: readonly { readonly what: string; readonly trained: Trained }[] = [
  { what: "all weights", trained: "all" },
  {
    what: "an adapter",
    trained: { rank: 4, alpha: 6, targets: PROJECTIONS, isRankStabilised: false },
  },
];

function opened(changes: Partial<OnnxEngineOptions>): Promise<PolicyEngine> {
  return openOnnxEngine({
    config: CONFIG,
    grammar: plainGrammar(VOCABULARY_SIZE, { length: LENGTH }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(CONFIG, { embeddingStd: 1, weightStd: 0.3, seed: 5 }),
    },
    optimizer: MUON,
    recompute: false,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
    ...changes,
  });
}

const rng = Rng.from(3, "groups");
const ids = (length: number): Int32Array => Int32Array.from({ length }, () => rng.integer(VOCABULARY_SIZE));
const BATCH: readonly TrainingGroup[] = [4, 5, 6].map((length) => ({
  prompt: { ids: ids(length), grid: { rows: 1, columns: 1 }, writes: "image" },
  completions: Array.from({ length: 3 }, () => ({
    ids: ids(LENGTH),
    constraints: new Int8Array(LENGTH),
    advantage: 1,
    weights: new Float32Array(LENGTH).fill(1 / (9 * LENGTH)),
  })),
}));

describe.each(CASES)("Muon with $what", ({ trained }) => {
  test("goes on from a checkpoint as if it had never stopped, and AdamW does not", async () => {
    const folder = await mkdtemp(join(tmpdir(), "earl-muon-"));
    try {
      await using engine = await opened({ trained });
      const losses: number[] = [];
      for (let step = 0; step < 3; step += 1) losses.push((await engine.step(BATCH, SFT_LOSS, 1e-2)).loss);
      expect(losses).toEqual(losses.toSorted((left, right) => right - left));
      await engine.save(folder);
      const unbroken = await engine.step(BATCH, SFT_LOSS, 1e-2);
      await using other = await opened({ trained });
      await other.load(folder);
      expect(await other.step(BATCH, SFT_LOSS, 1e-2)).toEqual(unbroken);
      const after = await engine.logprobs(BATCH, "policy", 1);
      expect(await other.logprobs(BATCH, "policy", 1)).toEqual(after);
      await using adamw = await opened({ trained, optimizer: OptimizerSettings.parse({}) });
      await expect(adamw.load(folder)).rejects.toThrow("state of the optimizer muon");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("makes the same update in microbatches", async () => {
    const norms = async (microbatchTokens: number): Promise<number[]> => {
      await using engine = await opened({ trained, microbatchTokens });
      const all: number[] = [];
      for (let step = 0; step < 3; step += 1) all.push((await engine.step(BATCH, SFT_LOSS, 1e-2)).gradNorm);
      return all;
    };
    const [whole, cut] = [await norms(10_000), await norms(40)];
    for (const [step, norm] of whole.entries()) expect(cut[step]).toBeCloseTo(norm, 3);
  });
});
