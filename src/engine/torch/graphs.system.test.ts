/** The workers' executor of graphs beside onnxruntime: every loss, and with them every op that it has. */

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { fileURLToPath } from "node:url";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { LossSpec } from "../../algorithms/losses.ts";
import { engineEnvironment } from "../../config/env.ts";
import { Rng } from "../../random.ts";
import { compile } from "../../tensor/compile.ts";
import { Session } from "../../tensor/session.ts";
import { FrameReader, framePieces, type Frame, type FrameArray } from "./frames.ts";
import { lossGraph, lossValues } from "./loss-graph.ts";
import { ENGINE_PACKAGE } from "./python-environment.ts";
import { pythonForTests } from "./small-torch.contract.ts";

const python = pythonForTests() ?? "";
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

  test("has no op that no loss has", async () => {
    const { message } = await next();
    const used = SPECS.flatMap((spec) => lossGraph(spec, SHAPE).nodes.map(({ op }) => op));
    expect(message).toEqual({ ops: [...new Set(used)].toSorted() });
  });

  test.each(SPECS)("computes what onnxruntime computes: %j", async (spec) => {
    await using session = await Session.open(compile(lossValues(spec, SHAPE)));
    const graph = lossGraph(spec, SHAPE);
    for (const seed of [1, 2, 3]) {
      const given = Object.entries(feeds(seed)).filter(([name]) => graph.inputs.includes(name));
      const wanted = await session.run(Object.fromEntries(given));
      for (const piece of framePieces({ graph }, new Map<string, FrameArray>(given)))
        runner.stdin.write(piece);
      const { arrays } = await next();
      expect([...arrays.keys()]).toEqual(Object.keys(wanted));
      for (const [name, values] of arrays) {
        const want = Array.from(wanted[name]!, Number);
        expect(values).toHaveLength(want.length);
        for (const [at, value] of values.entries()) {
          const limit = 1e-6 * Math.max(1, Math.abs(want[at]!));
          expect(Math.abs(Number(value) - want[at]!)).toBeLessThanOrEqual(limit);
        }
      }
    }
  });
});
