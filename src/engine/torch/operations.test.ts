/** Operations counted from sizes, beside the products in the graphs that the onnx engine would run, and by hand. */

import { describe, expect, test } from "vitest";

import { SFT_LOSS } from "../../algorithms/losses.ts";
import { freshPolicyConfig } from "../../policy/config.ts";
import { PROJECTIONS } from "../../policy/parameters.ts";
import { compile } from "../../tensor/compile.ts";
import type { Value } from "../../tensor/value.ts";
import type { Trained } from "../engine-host.ts";
import { prefillGraph } from "../onnx/generation-graphs.ts";
import { policyParts } from "../onnx/policy-parts.ts";
import { logprobGraph, stepGraph } from "../onnx/training-graphs.ts";
import { OptimizerSettings } from "../optimizer-settings.ts";
import { forwardOperations, prefillOperations, trainingOperations, updateOperations } from "./operations.ts";

const CONFIG = freshPolicyConfig(
  {
    hiddenSize: 16,
    layers: 3,
    heads: 4,
    keyValueHeads: 2,
    intermediateSize: 24,
    ropeTheta: 500,
    normEpsilon: 1e-5,
    weightStd: 0.2,
  },
  { size: 40, pad: 0, bos: 1, eos: 2 },
  64,
);
const SEGMENTS = [
  { name: "text", start: 0, end: 30, banned: [] },
  { name: "image", start: 30, end: 40, banned: [] },
];
/** Two groups of one shape, so that none is padded. */
const SHAPE = { prompts: 2, groupSize: 3, prefix: 5, completion: 4, counts: [7, 11] };
const PASS = {
  layout: [
    [5, 3, 4],
    [5, 3, 4],
  ] as const,
  arrays: new Map(SHAPE.counts.map((count, k) => [`rows.${k}`, new BigInt64Array(count)])),
};
const lora = (targets: readonly (typeof PROJECTIONS)[number][]): Trained => ({
  rank: 4,
  alpha: 6,
  targets,
  isRankStabilised: false,
});
const countedIn = (outputs: Record<string, Value>): number => compile(outputs).flops;

describe("operations", () => {
  test("of one layer, by hand", () => {
    const config = { ...CONFIG, layers: 1 };
    const pass = { layout: [[5, 1, 2]] as const, arrays: new Map([["rows.0", new BigInt64Array(2)]]) };
    // Seven tokens give keys and values, [16] to [8] each; two ask, and go through o, gate, up and down.
    const keys = 7 * 2 * (2 * 16 * 8);
    const others = 2 * (2 * (2 * 16 * 16) + 3 * (2 * 16 * 24));
    // Two queries of 4 heads of 4 see seven keys each, in two products.
    const attention = 2 * 7 * (2 * (2 * 4 * 4));
    const head = 2 * (2 * 16 * 30);
    const model = { config, segments: SEGMENTS, trained: "none" as const };
    expect(forwardOperations(model, pass)).toBe(keys + others + attention + head);
  });

  test("of log-probabilities and of a prompt are those of the onnx engine's graphs", () => {
    const optimizer = OptimizerSettings.parse({});
    for (const trained of ["all" as const, lora(PROJECTIONS)]) {
      const model = { config: CONFIG, segments: SEGMENTS, trained };
      const graph = logprobGraph({ ...model, optimizer, recompute: false }, SHAPE);
      expect(forwardOperations(model, PASS)).toBe(countedIn(graph));
    }
    expect(prefillOperations(CONFIG, 5)).toBe(countedIn(prefillGraph({ config: CONFIG }, 1, 5)));
  });

  test.each([
    { name: "all weights", trained: "all" as const, kind: "adamw" },
    { name: "all weights by Muon", trained: "all" as const, kind: "muon" },
    { name: "adapters everywhere", trained: lora(PROJECTIONS), kind: "adamw" },
    { name: "adapters everywhere, by Muon", trained: lora(PROJECTIONS), kind: "muon" },
    { name: "adapters of the MLP", trained: lora(["mlp.up_proj", "mlp.down_proj"]), kind: "adamw" },
  ])("of a step are those of the onnx engine's graph: $name", ({ trained, kind }) => {
    const optimizer = OptimizerSettings.parse({ kind });
    const context = { config: CONFIG, segments: SEGMENTS, optimizer, trained, recompute: false };
    const counted = trainingOperations(context, PASS) + updateOperations(policyParts(context), optimizer);
    expect(counted).toBe(countedIn(stepGraph(context, SHAPE, SFT_LOSS)));
  });
});
