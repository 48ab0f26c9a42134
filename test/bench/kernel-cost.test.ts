/** Bytes and operations of a kernel's call, from shapes as onnxruntime's profile writes them. */

import { expect, test } from "vitest";

import { callCost } from "../../bench/profile/kernel-cost.ts";

const typed = (...shapes: number[][]): { float: number[] }[] => shapes.map((float) => ({ float }));

test.each([
  {
    what: "a product",
    op: "MatMul",
    inputs: [
      [6, 4],
      [4, 5],
    ],
    output: [6, 5],
    flops: 2 * 6 * 4 * 5,
  },
  {
    what: "a transposed one",
    op: "FusedMatMul",
    inputs: [
      [6, 4],
      [6, 5],
    ],
    output: [4, 5],
    flops: 2 * 6 * 4 * 5,
  },
  {
    what: "rows beside each other",
    op: "MatMul",
    inputs: [
      [3, 6, 4],
      [4, 5],
    ],
    output: [3, 6, 5],
    flops: 2 * 3 * 6 * 4 * 5,
  },
  {
    what: "products beside each other",
    op: "FusedMatMul",
    inputs: [
      [3, 6, 4],
      [3, 5, 4],
    ],
    output: [3, 6, 5],
    flops: 2 * 3 * 6 * 4 * 5,
  },
  { what: "no product", op: "Mul", inputs: [[6, 4], []], output: [6, 4], flops: 0 },
])("counts $what", ({ op, inputs, output, flops }) => {
  const cost = callCost({
    op_name: op,
    input_type_shape: typed(...inputs),
    output_type_shape: typed(output),
  });
  expect(cost.flops).toBe(flops);
  const values = [...inputs, output].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  expect(cost.bytes).toBe(4 * values);
});
