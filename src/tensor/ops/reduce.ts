/** Means, maxima and sums of squares over axes; `sum` itself lies with its gradient, in broadcast.ts. */

import type { Op, Value } from "../value.ts";
import { apply, sizeOf } from "../value.ts";
import { normalAxes, reduction, sum } from "./broadcast.ts";
import { multiply } from "./elementwise.ts";
import { scalar } from "./leaves.ts";

const sumOfSquaresOp: Op = reduction("sum-of-squares", "ReduceSumSquare");
const maxOp: Op = reduction("max", "ReduceMax");

/** Mean over axes, as `sum`. */
export function mean(operand: Value, axes?: readonly number[], keep = false): Value {
  const count = sizeOf(normalAxes(operand, axes).map((axis) => operand.shape[axis] as number));
  return multiply(sum(operand, axes, keep), scalar(1 / count));
}

/** Sum of squares of all elements, a scalar; for norms, without gradient. */
export function sumOfSquares(operand: Value): Value {
  return apply(sumOfSquaresOp, [operand], { axes: normalAxes(operand, undefined), keep: 0 });
}

/** Maximum over axes, kept as size 1; without gradient. */
export function max(operand: Value, axes: readonly number[]): Value {
  return apply(maxOp, [operand], { axes: normalAxes(operand, axes), keep: 1 });
}
