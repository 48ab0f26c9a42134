/** Convolutions, group norm and upsampling: forward against plain loops, gradients against finite differences. */

import { describe, expect, test } from "vitest";

import { plainConvolution } from "../../../test/small/plain-convolution.ts";
import { expectFiniteDifferences } from "../../../test/small/finite-differences.ts";
import { Rng } from "../../random.ts";
import { compile } from "../compile.ts";
import { gradients } from "../gradient.ts";
import { Session } from "../session.ts";
import { sizeOf, type Shape, type Value } from "../value.ts";
import { convolution, type ConvolutionOptions } from "./convolution.ts";
import { multiply } from "./elementwise.ts";
import { groupNorm, groupStandardize } from "./group-norm.ts";
import { input } from "./leaves.ts";
import { nearestRow } from "./nearest-row.ts";
import { sum } from "./broadcast.ts";
import { upsample } from "./upsample.ts";

interface Case {
  readonly shapes: readonly Shape[];
  readonly build: (operands: readonly Value[]) => Value;
}

const convolve =
  (options: ConvolutionOptions) =>
  ([x, w, b]: readonly Value[]): Value =>
    convolution(x as Value, w as Value, b, options);

const CASES: Record<string, Case> = {
  "convolution over a plane": { shapes: [[2, 2, 4, 3], [3, 2, 3, 2], [3]], build: convolve({}) },
  "convolution, padded unevenly": {
    shapes: [[1, 2, 4, 4], [2, 2, 3, 3], [2]],
    build: convolve({ before: [2, 0], after: [0, 1] }),
  },
  "convolution, strided, with an element passed over": {
    shapes: [
      [2, 1, 6, 5],
      [2, 1, 3, 2],
    ],
    build: convolve({ stride: [2, 3], after: [0, 1] }),
  },
  "convolution over time and a plane": {
    shapes: [[1, 2, 4, 3, 3], [2, 2, 4, 3, 3], [2]],
    build: convolve({ stride: [2, 1, 1], before: [2, 1, 1], after: [0, 1, 1] }),
  },
  "the transpose of a convolution": {
    shapes: [
      [1, 1, 5],
      [2, 1, 2],
      [1, 2, 2],
    ],
    // The gradient to the operand, so that its own gradients are checked.
    build: ([x, w, u]) => {
      const result = convolution(x as Value, w as Value, undefined, { stride: [2] });
      return gradients(result, [x as Value], u)[0] as Value;
    },
  },
  "the gradient to a convolution's weight": {
    shapes: [
      [2, 1, 5],
      [2, 1, 2],
      [2, 2, 2],
    ],
    build: ([x, w, u]) => {
      const result = convolution(x as Value, w as Value, undefined, { stride: [2] });
      return gradients(result, [w as Value], u)[0] as Value;
    },
  },
  "group norm": {
    shapes: [[2, 4, 2, 3], [4], [4]],
    build: ([x, weight, bias]) =>
      groupNorm(x as Value, { weight: weight as Value, bias: bias as Value }, 2, 1e-3),
  },
  "group norm, standardized twice": {
    shapes: [[1, 4, 2, 2]],
    build: ([x]) => multiply(groupStandardize(x as Value, 1, 1e-3), groupStandardize(x as Value, 2, 1e-3)),
  },
  upsample: { shapes: [[1, 2, 2, 3]], build: ([x]) => upsample(x as Value, [1, 1, 2, 3]) },
};

function normal(shape: Shape, label: string): Float32Array {
  const rng = Rng.from(5, label);
  return Float32Array.from({ length: sizeOf(shape) }, () => rng.normal());
}

async function compute(value: Value, feeds: Record<string, Float32Array>): Promise<number[]> {
  await using session = await Session.open(compile({ result: value }), { threads: 1 });
  return Array.from((await session.run(feeds))["result"] ?? [], Number);
}

describe("gradients", () => {
  test.each(Object.entries(CASES))("of %s agree with finite differences", (name, { shapes, build }) =>
    expectFiniteDifferences(name, shapes, build),
  );
});

describe("convolution", () => {
  test.each([
    { operand: [2, 3, 5, 6], weight: [4, 3, 3, 3], options: { before: [1, 1], after: [1, 1] } },
    { operand: [1, 2, 7, 6], weight: [3, 2, 3, 3], options: { stride: [2, 2], after: [1, 1] } },
    {
      operand: [1, 4, 4, 3, 5],
      weight: [4, 4, 4, 3, 3],
      options: { stride: [2, 1, 1], before: [2, 1, 1], after: [0, 1, 1] },
    },
  ])("of $operand with $weight equals plain loops", async ({ operand, weight, options }) => {
    const feeds = { x: normal(operand, "x"), w: normal(weight, "w"), b: normal([weight[0] as number], "b") };
    const [x, w] = [input("x", operand), input("w", weight)];
    const result = convolution(x, w, input("b", [weight[0] as number]), options);
    const expected = plainConvolution(
      { shape: operand, values: feeds.x },
      { shape: weight, values: feeds.w },
      { bias: feeds.b, ...options },
    );
    expect(result.shape).toEqual(expected.shape);
    const got = await compute(result, feeds);
    for (const [index, value] of got.entries())
      expect(value).toBeCloseTo(expected.values[index] as number, 3);
  });

  test("counts a multiplication and an addition for each weight and place", () => {
    const result = convolution(input("x", [2, 3, 8, 8]), input("w", [5, 3, 3, 3]));
    expect(compile({ result }).flops).toBe(2 * (2 * 6 * 6) * (5 * 3 * 3 * 3));
  });

  test("costs as much again for each of its two gradients", () => {
    const [x, w] = [input("x", [2, 3, 8, 8]), input("w", [5, 3, 3, 3])];
    const loss = sum(convolution(x, w));
    const [toOperand, toWeight] = gradients(loss, [x, w]) as [Value, Value];
    const { flops } = compile({ loss });
    expect(compile({ loss, toOperand, toWeight }).flops).toBe(3 * flops);
  });

  test("refuses a window that is larger than the padded operand", () => {
    expect(() => convolution(input("x", [1, 2, 2, 2]), input("w", [1, 2, 3, 3]))).toThrow(/window fits/);
  });
});

describe("nearestRow", () => {
  test("takes the first of equal rows and works through blocks of any size", async () => {
    const table = normal([5000, 2], "table");
    table.copyWithin(8, 2, 4); // row 4 repeats row 1
    const rows = normal([4000, 2], "rows");
    rows.set(table.subarray(2, 4));
    const found = await compute(nearestRow(input("rows", [4000, 2]), input("table", [5000, 2])), {
      rows,
      table,
    });
    expect(found[0]).toBe(1);
    for (const row of [17, 3355, 3356, 3999]) {
      const distances = Array.from({ length: 5000 }, (_, index) =>
        Math.hypot(
          (rows[2 * row] as number) - (table[2 * index] as number),
          (rows[2 * row + 1] as number) - (table[2 * index + 1] as number),
        ),
      );
      expect(distances[found[row] as number]).toBeCloseTo(Math.min(...distances), 4);
    }
  });
});
