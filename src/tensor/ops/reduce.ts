/** Means, maxima and sums of squares over axes; `sum` itself lies with its gradient, in broadcast.ts. */

import type { Op, Value } from "../value.ts";
import { apply, sizeOf } from "../value.ts";
import { normalAxes, reduction, sum } from "./broadcast.ts";
import { multiply } from "./elementwise.ts";
import { scalar } from "./leaves.ts";
import { place, reshape } from "./shape.ts";

const sumOfSquaresOp: Op = reduction("sum-of-squares", "ReduceSumSquare");
const maxOp: Op = reduction("max", "ReduceMax");

/** Mean over axes, as `sum`. */
export function mean(operand: Value, axes?: readonly number[], keep = false): Value {
  const count = sizeOf(normalAxes(operand, axes).map((axis) => operand.shape[axis] as number));
  return multiply(sum(operand, axes, keep), scalar(1 / count));
}

/**
 * Sum of squares of all elements, a scalar; for norms, without gradient. Long ones are summed in rows: one running sum in
 * float32 loses what is small beside it, 1e-4 of a norm over five million numbers and 3e-3 over forty million.
 */
export function sumOfSquares(operand: Value): Value {
  const rows = inRows(operand);
  const axis = rows.shape.length - 1;
  const squares = apply(sumOfSquaresOp, [rows], {
    axes: rows === operand ? normalAxes(operand, undefined) : [axis],
    keep: 0,
  });
  return rows === operand ? squares : sumInRows(squares);
}

function sumInRows(operand: Value): Value {
  const rows = inRows(operand);
  return rows === operand ? sum(operand) : sumInRows(sum(rows, [1]));
}

/** Elements that are added one after the other. */
const LONGEST_ROW = 512;
/** Shorter rows would be too many: zeros are put behind instead, which takes a copy. */
const SHORTEST_ROW = 32;

/** The elements as [R, C]; the operand itself where it is short. */
function inRows(operand: Value): Value {
  const size = sizeOf(operand.shape);
  if (size <= LONGEST_ROW) return operand;
  for (let length = LONGEST_ROW; length >= SHORTEST_ROW; length -= 1)
    if (size % length === 0) return reshape(operand, [size / length, length]);
  const count = Math.ceil(size / LONGEST_ROW);
  return reshape(place(reshape(operand, [size]), 0, 0, count * LONGEST_ROW), [count, LONGEST_ROW]);
}

/** Maximum over axes, kept as size 1; without gradient. */
export function max(operand: Value, axes: readonly number[]): Value {
  return apply(maxOp, [operand], { axes: normalAxes(operand, axes), keep: 1 });
}
