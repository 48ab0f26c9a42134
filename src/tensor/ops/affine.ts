/** rows · weightᵀ + bias in one kernel; without a gradient. */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape } from "../value.ts";

const affineOp: Op = {
  name: "affine",
  infer(inputs) {
    const [rows, weight, bias] = inputs as [Value, Value, Value];
    const fits =
      rows.shape.length === 2 &&
      weight.shape.length === 2 &&
      rows.shape[1] === weight.shape[1] &&
      bias.shape.length === 1 &&
      bias.shape[0] === weight.shape[0];
    requireShape(fits, "affine", inputs, "rows [N, K], a weight [M, K] and a bias [M]");
    return { shape: [rows.shape[0]!, weight.shape[0]!], type: "float32" };
  },
  lower: (emitter, inputs) => emitter.node("Gemm", inputs, { attributes: { transB: 1 } }),
  flops(value) {
    const [outputs, inner] = inputAt(value, 1).shape as [number, number];
    return 2 * inputAt(value, 0).shape[0]! * outputs * inner;
  },
};

/** Rows [N, K] with a weight [M, K], as Hugging Face stores it, and a bias [M] give [N, M]. Throws ShapeError otherwise. */
export function affine(rows: Value, weight: Value, bias: Value): Value {
  return apply(affineOp, [rows, weight, bias]);
}
