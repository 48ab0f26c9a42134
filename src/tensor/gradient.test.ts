/** Every op's gradient against central differences of its own forward pass, on onnxruntime. */

import { describe, expect, test } from "vitest";

import { Rng } from "../random.ts";
import { compile } from "./compile.ts";
import { gradients } from "./gradient.ts";
import {
  add,
  divide,
  exp,
  log,
  maximum,
  minimum,
  multiply,
  negate,
  sigmoid,
  silu,
  sqrt,
  stopGradient,
  subtract,
  where,
  less,
} from "./ops/elementwise.ts";
import { gated } from "./ops/gated.ts";
import { gather, tokenLogprobs } from "./ops/gather.ts";
import { constant, input, scalar } from "./ops/leaves.ts";
import { linear, matmul } from "./ops/matmul.ts";
import { logSoftmax, rmsNorm, softmax } from "./ops/normalize.ts";
import { broadcastTo, sum } from "./ops/broadcast.ts";
import { mean } from "./ops/reduce.ts";
import { rotary, rotaryTables } from "./ops/rotary.ts";
import { concat, place, reshape, slice, transpose } from "./ops/shape.ts";
import { recomputed } from "./recompute.ts";
import { Session } from "./session.ts";
import type { Shape, Value } from "./value.ts";
import { sizeOf } from "./value.ts";

interface Case {
  readonly shapes: readonly Shape[];
  /** Smallest value of the operands; 0.5 keeps log and sqrt away from zero. */
  readonly from?: number;
  readonly build: (...operands: [Value, Value]) => Value;
}

const indices = constant(BigInt64Array.of(2n, 0n, 2n, 1n), [4]);
const tables = rotaryTables(6, 4, 10);

const CASES: Record<string, Case> = {
  add: { shapes: [[2, 3], [3]], build: (a, b) => add(a, b) },
  subtract: {
    shapes: [
      [2, 1],
      [2, 3],
    ],
    build: (a, b) => subtract(a, b),
  },
  multiply: { shapes: [[2, 3], []], build: (a, b) => multiply(a, b) },
  divide: {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    from: 0.5,
    build: (a, b) => divide(a, b),
  },
  minimum: { shapes: [[2, 3], [3]], build: (a, b) => minimum(a, b) },
  maximum: { shapes: [[2, 3], [3]], build: (a, b) => maximum(a, b) },
  negate: { shapes: [[4]], build: (a) => negate(a) },
  exp: { shapes: [[4]], build: (a) => exp(a) },
  log: { shapes: [[4]], from: 0.5, build: (a) => log(a) },
  sqrt: { shapes: [[4]], from: 0.5, build: (a) => sqrt(a) },
  sigmoid: { shapes: [[4]], build: (a) => sigmoid(a) },
  silu: { shapes: [[4]], build: (a) => silu(a) },
  gated: { shapes: [[4], [4]], build: (a, b) => gated(a, b) },
  where: {
    shapes: [[4], [4]],
    build: (a, b) => where(less(a, b), multiply(a, a), b),
  },
  "sum over an axis": { shapes: [[2, 3]], build: (a) => sum(a, [1]) },
  "mean, kept": { shapes: [[2, 3]], build: (a) => mean(a, [-1], true) },
  reshape: { shapes: [[2, 3]], build: (a) => reshape(a, [3, 2]) },
  transpose: { shapes: [[2, 3, 4]], build: (a) => transpose(a, [2, 0, 1]) },
  broadcast: { shapes: [[2, 1, 3]], build: (a) => broadcastTo(a, [2, 4, 3]) },
  slice: { shapes: [[5, 2]], build: (a) => slice(a, 0, 1, 3) },
  "slices side by side": {
    shapes: [[5, 2]],
    build: (a) => add(sum(exp(slice(a, 0, 0, 3))), sum(multiply(slice(a, 0, 3, 5), scalar(2)))),
  },
  "slices that overlap": {
    shapes: [[5]],
    build: (a) => multiply(slice(a, 0, 0, 3), slice(a, 0, 2, 5)),
  },
  place: { shapes: [[2, 3]], build: (a) => place(a, 1, 2, 6) },
  concat: {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: (a, b) => concat([a, b, a], -1),
  },
  matmul: {
    shapes: [
      [2, 3, 4],
      [2, 4, 5],
    ],
    build: (a, b) => matmul(a, b, { scale: 0.5 }),
  },
  "matmul, left transposed": {
    shapes: [
      [4, 3],
      [4, 5],
    ],
    build: (a, b) => matmul(a, b, { transposeLeft: true }),
  },
  "matmul, right transposed": {
    shapes: [
      [3, 4],
      [5, 4],
    ],
    build: (a, b) => linear(a, b),
  },
  "matmul, both transposed": {
    shapes: [
      [2, 4, 3],
      [2, 5, 4],
    ],
    build: (a, b) => matmul(a, b, { transposeLeft: true, transposeRight: true, scale: 2 }),
  },
  softmax: { shapes: [[3, 4]], build: (a) => softmax(a) },
  "log-softmax": { shapes: [[3, 4]], build: (a) => logSoftmax(a) },
  "rms-norm": { shapes: [[3, 4], [4]], build: (a, b) => rmsNorm(a, b, 1e-5) },
  rotary: {
    shapes: [[3, 8]],
    build: (a) => rotary(a, constant(BigInt64Array.of(0n, 5n, 2n), [3]), tables),
  },
  gather: { shapes: [[3, 2]], build: (a) => gather(a, indices) },
  "token-logprob": { shapes: [[4, 3]], build: (a) => tokenLogprobs(a, indices).chosen },
  recomputed: {
    shapes: [
      [2, 3],
      [4, 3],
    ],
    build: (a, b) => recomputed([a, b], (x, w) => silu(linear(x, w))),
  },
};

async function run(
  outputs: Record<string, Value>,
  feeds: Record<string, Float32Array>,
): Promise<Record<string, Float32Array>> {
  await using session = await Session.open(compile(outputs), { threads: 1 });
  return (await session.run(feeds)) as Record<string, Float32Array>;
}

describe("gradients", () => {
  test.each(Object.entries(CASES))(
    "of %s agree with finite differences",
    async (name, { shapes, from, build }) => {
      const rng = Rng.from(7, name);
      const operands = shapes.map((shape, index) => input(`x${index}`, shape));
      const result = build(...(operands as [Value, Value]));
      const weights = constant(
        Float32Array.from({ length: sizeOf(result.shape) }, () => rng.normal()),
        result.shape,
      );
      const loss = sum(multiply(result, weights));
      const slopes = gradients(loss, operands);
      const outputs = Object.fromEntries(slopes.map((slope, index) => [`d${index}`, slope]));
      const feeds = Object.fromEntries(
        shapes.map((shape, index) => [
          `x${index}`,
          Float32Array.from({ length: sizeOf(shape) }, () =>
            from === undefined ? rng.normal() : from + rng.uniform(),
          ),
        ]),
      );
      const exact = await run(outputs, feeds);

      await using forward = await Session.open(compile({ loss }), { threads: 1 });
      const step = 1e-2;
      for (const [index, shape] of shapes.entries()) {
        const array = feeds[`x${index}`] as Float32Array;
        for (let position = 0; position < sizeOf(shape); position += 1) {
          const middle = array[position] as number;
          const at = async (offset: number): Promise<number> => {
            array[position] = middle + offset;
            const { loss: value } = await forward.run(feeds);
            return Number(value?.[0]);
          };
          // Fourth-order central difference: float32 forward passes leave about three digits.
          const slope =
            (8 * ((await at(step)) - (await at(-step))) - (await at(2 * step)) + (await at(-2 * step))) /
            (12 * step);
          array[position] = middle;
          expect(exact[`d${index}`]?.[position]).toBeCloseTo(slope, 2);
        }
      }
    },
  );

  test("do not flow through stop-gradient", async () => {
    const x = input("x0", [2]);
    const [slope] = gradients(sum(multiply(x, stopGradient(exp(x)))), [x]) as [Value];
    const { d } = await run({ d: slope }, { x0: Float32Array.of(0, 1) });
    expect(d?.[1]).toBeCloseTo(Math.E, 5);
  });

  test("are zero for what the loss does not depend on", async () => {
    const x = input("x0", [2]);
    const other = input("x1", [3]);
    const [slope] = gradients(sum(x), [other]) as [Value];
    const { d } = await run({ d: slope }, {});
    expect(Array.from(d ?? [])).toEqual([0, 0, 0]);
  });
});
