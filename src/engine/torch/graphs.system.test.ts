/** The workers' executor of graphs beside onnxruntime: every op that it has, every loss, and both halves of a MoVQ. */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SMALL_MOVQ } from "../../../test/small/movq-directory.ts";
import type { LossSpec } from "../../algorithms/losses.ts";
import { engineEnvironment } from "../../config/env.ts";
import { Rng } from "../../random.ts";
import { compile } from "../../tensor/compile.ts";
import { broadcastTo, sum } from "../../tensor/ops/broadcast.ts";
import { convolution } from "../../tensor/ops/convolution.ts";
import {
  add,
  cast,
  divide,
  exp,
  less,
  maximum,
  minimum,
  multiply,
  negate,
  sigmoid,
  sqrt,
  subtract,
  where,
} from "../../tensor/ops/elementwise.ts";
import { gather, scatterAdd } from "../../tensor/ops/gather.ts";
import { groupStandardize } from "../../tensor/ops/group-norm.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { nearestRow } from "../../tensor/ops/nearest-row.ts";
import { softmax } from "../../tensor/ops/normalize.ts";
import { sumOfSquares } from "../../tensor/ops/reduce.ts";
import { concat, reshape, slice, transpose } from "../../tensor/ops/shape.ts";
import { upsample } from "../../tensor/ops/upsample.ts";
import { Session } from "../../tensor/session.ts";
import type { Value } from "../../tensor/value.ts";
import { parseMovqConfig } from "../../tokens/movq/config-file.ts";
import { movqGraph } from "../../tokens/movq/movq-model.ts";
import { FrameReader, framePieces, type Frame, type FrameArray } from "./frames.ts";
import { lossGraph, lossValues } from "./loss-graph.ts";
import { ENGINE_PACKAGE } from "./python-environment.ts";
import { sentGraph } from "./sent-graph.ts";
import { pythonForTests } from "./small-torch.contract.ts";

const python = pythonForTests() ?? "";
/** Every op in the ways that losses and MoVQ use it, and in others. */
const x = (name: string, ...shape: number[]): Value => input(name, shape);
const below = (most: number, ...shape: number[]): Value => input(`below ${most}`, shape, "int64");
const OPS: Readonly<Record<string, () => Value>> = {
  Add: () => add(x("a", 3, 1, 4), x("b", 2, 1)),
  Sub: () => subtract(x("a", 3, 4), x("b", 4)),
  Mul: () => multiply(x("a", 3, 4), scalar(-1.5)),
  Div: () => divide(x("a", 3, 4), exp(x("b", 3, 1))),
  Neg: () => negate(x("a", 5)),
  Exp: () => exp(x("a", 2, 5)),
  Sqrt: () => sqrt(exp(x("a", 5))),
  Sigmoid: () => sigmoid(x("a", 2, 5)),
  Max: () => maximum(x("a", 3, 4), x("b", 4)),
  Min: () => minimum(x("a", 3, 4), x("b", 3, 1)),
  Less: () => cast(less(x("a", 3, 4), x("b", 3, 4)), "float32"),
  Where: () => where(less(x("a", 4), x("b", 4)), x("c", 3, 4), scalar(7)),
  Identity: () => x("a", 2, 3),
  Cast: () => cast(below(9, 6), "float32"),
  Reshape: () => reshape(transpose(x("a", 2, 3, 4), [2, 0, 1]), [8, 3]),
  Expand: () => broadcastTo(x("a", 3, 1), [2, 3, 4]),
  Gather: () => gather(x("a", 7, 3), below(7, 2, 5)),
  ScatterND: () => scatterAdd(x("a", 9, 2), below(4, 9), 4),
  ReduceSum: () => sum(x("a", 3, 4, 5), [0, 2], true),
  ReduceSumSquare: () => sumOfSquares(x("a", 3, 4)),
  ArgMin: () => cast(nearestRow(x("a", 9, 3), x("b", 20, 3)), "float32"),
  Gemm: () => cast(nearestRow(x("a", 5, 2), x("b", 300, 2)), "float32"),
  Softmax: () => softmax(x("a", 2, 3, 7)),
  MatMul: () =>
    matmul(x("a", 2, 5, 3), x("b", 2, 4, 5), { transposeLeft: true, transposeRight: true, scale: 0.3 }),
  Conv: () =>
    convolution(x("a", 2, 3, 5, 6), x("b", 4, 3, 3, 3), x("c", 4), {
      stride: [2, 1],
      before: [0, 2],
      after: [1, 1],
    }),
  InstanceNormalization: () => groupStandardize(x("a", 2, 6, 3, 5), 3, 1e-5),
  Resize: () => upsample(x("a", 2, 3, 2, 3, 1), [1, 1, 2, 1, 3]),
  Transpose: () => transpose(x("a", 2, 3, 4), [1, 2, 0]),
  Slice: () => slice(slice(x("a", 5, 6), 1, 2, 5), 0, 3, 5),
  Concat: () => concat([x("a", 2, 3), x("b", 2, 1), x("c", 2, 4)], -1),
};
const MORE: Readonly<Record<string, () => Value>> = {
  "a sum of everything": () => sum(x("a", 3, 4)),
  "a sum of nothing": () => sum(x("a", 3, 4), []),
  "a product of matrices": () => matmul(x("a", 3, 4), x("b", 4, 2)),
  "a convolution of single places": () =>
    convolution(x("a", 2, 3, 5, 6), x("b", 4, 3, 1, 1), x("c", 4), { stride: [2, 1] }),
  "a convolution over time that sees no later frame": () =>
    convolution(x("a", 1, 2, 4, 3, 3), x("b", 2, 2, 4, 3, 3), x("c", 2), {
      stride: [2, 1, 1],
      before: [2, 1, 1],
      after: [0, 1, 1],
    }),
  "a convolution of a line without a bias": () =>
    convolution(x("a", 2, 3, 9), x("b", 5, 3, 4), undefined, { stride: [3] }),
};
const { config: MOVQ } = parseMovqConfig(
  { ...SMALL_MOVQ, ch: 32, ch_mult: [1, 2], attn_resolutions: [4], temporal_downsample_factor: 4 },
  "config.json",
);
const HALVES = {
  encoder: movqGraph(MOVQ, "encoder", [2, 9, 8]),
  decoder: movqGraph(MOVQ, "decoder", [3, 2, 4]),
};

/** Feeds of a graph drawn at random: whole numbers below what their name says. */
function drawnFeeds(values: Readonly<Record<string, Value>>): Record<string, FrameArray> {
  return Object.fromEntries(
    Array.from(compile(values).inputs, ([name, { shape, type }]) => {
      const rng = Rng.from(7, name);
      const length = shape.reduce((size, side) => size * side, 1);
      const most = Number(name.split(" ")[1] ?? MOVQ.codebookSize);
      if (type === "int64") return [name, BigInt64Array.from({ length }, () => BigInt(rng.integer(most)))];
      // What is called a variance must be one.
      const draw = (): number => (name.endsWith("running_var") ? 0.5 + rng.uniform() : 0.5 * rng.normal());
      return [name, Float32Array.from({ length }, draw)];
    }),
  );
}

const SHAPE = { tokens: 24, completions: 5 };

const surrogates: LossSpec["surrogate"][] = [
  { kind: "on-policy" },
  { kind: "clipped", clipLow: 0.05, clipHigh: 0.1 },
  { kind: "sequence-clipped", clipLow: 0.01, clipHigh: 0.02 },
  { kind: "capped-weight", clipHigh: 0.1 },
];
const penalties: LossSpec["kl"][] = [
  undefined,
  ...(["k1", "k2", "k3"] as const).map((estimator) => ({ estimator, coef: 0.3 })),
];
const SPECS = surrogates.flatMap((surrogate) =>
  penalties.map((kl): LossSpec => ({ surrogate, temperature: 1, ...(kl === undefined ? {} : { kl }) })),
);

/** Near what a step sees: ratios on both sides of the clip, some tokens that do not count. */
function feeds(seed: number): Record<string, Float32Array | BigInt64Array> {
  const rng = Rng.from(seed, "feeds");
  const list = (next: (at: number) => number): Float32Array =>
    Float32Array.from({ length: SHAPE.tokens }, (_, at) => next(at));
  const counted = list(() => (rng.uniform() < 0.2 ? 0 : 1));
  const logprobs = list(() => -3 * rng.uniform());
  const near = (): Float32Array => logprobs.map((value) => value + 0.2 * rng.normal());
  return {
    logprobs,
    counted,
    oldLogprobs: near(),
    refLogprobs: near(),
    advantages: list(() => rng.normal()),
    weights: counted.map((one) => one / SHAPE.tokens),
    shares: counted.map((one) => one / 5),
    completion: BigInt64Array.from({ length: SHAPE.tokens }, (_, at) => BigInt(at % SHAPE.completions)),
  };
}

describe.skipIf(python === "")("the executor of graphs", () => {
  let runner: ChildProcessWithoutNullStreams;
  const reader = new FrameReader();
  const arrived: Frame[] = [];
  let hear = (): void => {};
  const next = async (): Promise<Frame> => {
    while (arrived.length === 0) await new Promise<void>((resolve) => (hear = resolve));
    return arrived.shift()!;
  };
  beforeAll(() => {
    const script = fileURLToPath(new URL("../../../test/small/run-graph.py", import.meta.url));
    const env = engineEnvironment({ packages: ENGINE_PACKAGE, threads: 1 });
    runner = spawn(python, [script], { env });
    runner.stdout.on("data", (piece: Buffer) => {
      arrived.push(...reader.take(piece));
      hear();
    });
  });
  afterAll(() => runner.stdin.end());

  /** Of each output: the largest difference beside its largest value. */
  async function differences(
    values: Readonly<Record<string, Value>>,
    given: Readonly<Record<string, FrameArray>>,
  ): Promise<Record<string, number>> {
    const compiled = compile(values);
    await using session = await Session.open(compiled);
    const graph = sentGraph(values);
    const fed = Object.entries(given).filter(([name]) => compiled.inputs.has(name));
    expect(new Set(fed.map(([name]) => name))).toEqual(new Set(Object.keys(graph.inputs)));
    const wanted = await session.run(Object.fromEntries(fed));
    for (const piece of framePieces({ graph }, new Map<string, FrameArray>(fed))) runner.stdin.write(piece);
    const { arrays } = await next();
    expect([...arrays.keys()]).toEqual(Object.keys(wanted));
    return Object.fromEntries(
      Array.from(arrays, ([name, found]) => {
        const [got, want] = [Array.from(found, Number), Array.from(wanted[name]!, Number)];
        expect(got).toHaveLength(want.length);
        const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
        const apart = want.map((value, index) => Math.abs(value - got[index]!) / largest);
        return [
          name,
          apart.reduce((most, value) => Math.max(most, Number.isNaN(value) ? Infinity : value), 0),
        ];
      }),
    );
  }

  test("has no op that no loss and no half of MoVQ has, and each is tried here", async () => {
    const { message } = await next();
    const { ops } = message as { readonly ops: string[] };
    const graphs = [...SPECS.map((spec) => lossGraph(spec, SHAPE)), ...Object.values(HALVES).map(sentGraph)];
    expect(ops).toEqual([...new Set(graphs.flatMap(({ nodes }) => nodes.map(({ op }) => op)))].toSorted());
    expect(ops).toEqual(Object.keys(OPS).toSorted());
    for (const [op, value] of Object.entries(OPS))
      expect(sentGraph({ out: value() }).nodes.map((node) => node.op)).toContain(op);
  });

  test.each(Object.keys({ ...OPS, ...MORE }))("computes what onnxruntime computes: %s", async (op) => {
    const values = { out: { ...OPS, ...MORE }[op]!() };
    expect((await differences(values, drawnFeeds(values)))["out"]).toBeLessThan(2e-6);
  });

  test.each(SPECS)("computes the loss that onnxruntime computes: %j", async (spec) => {
    for (const seed of [1, 2, 3]) {
      const apart = await differences(lossValues(spec, SHAPE), feeds(seed));
      for (const difference of Object.values(apart)) expect(difference).toBeLessThan(1e-6);
    }
  });

  test.each(["encoder", "decoder"] as const)("computes what MoVQ's %s computes, of a batch", async (half) => {
    const { codes = 0, ...apart } = await differences(HALVES[half], drawnFeeds(HALVES[half]));
    expect(codes).toBe(0);
    for (const difference of Object.values(apart)) expect(difference).toBeLessThan(1e-5);
  });
});
