/** Sums, means and maxima over axes. */

import type { Op, Shape, Value } from "../value.ts";
import { apply, inputAt, sizeOf } from "../value.ts";
import { multiply } from "./elementwise.ts";
import { scalar } from "./leaves.ts";
import { broadcastTo, reshape } from "./shape.ts";

function reducedShape(shape: Shape, axes: readonly number[], keepsAxes: boolean): Shape {
  return shape.flatMap((dimension, axis) => (axes.includes(axis) ? (keepsAxes ? [1] : []) : [dimension]));
}

function reduction(name: string, onnx: string, axesAreInput: boolean): Op {
  return {
    name,
    infer([operand], attributes) {
      const { shape, type } = operand as Value;
      return {
        shape: reducedShape(shape, attributes["axes"] as readonly number[], attributes["keep"] === 1),
        type,
      };
    },
    lower(emitter, [operand], value) {
      const axes = value.attributes["axes"] as readonly number[];
      const keepdims = value.attributes["keep"] as number;
      return axesAreInput
        ? emitter.node(onnx, [operand as string, emitter.integers(axes)], { attributes: { keepdims } })
        : emitter.node(onnx, [operand as string], { attributes: { axes, keepdims } });
    },
  };
}

const sumOp: Op = {
  ...reduction("sum", "ReduceSum", true),
  gradient(value, upstream) {
    const operand = inputAt(value, 0);
    const kept = reducedShape(operand.shape, value.attributes["axes"] as readonly number[], true);
    return [[operand, broadcastTo(reshape(upstream, kept), operand.shape)]];
  },
};
const sumOfSquaresOp: Op = reduction("sum-of-squares", "ReduceSumSquare", true);
const maxOp: Op = reduction("max", "ReduceMax", true);

/** Axes counted from the end where negative; all of them where not given. */
function normalAxes(operand: Value, axes: readonly number[] | undefined): readonly number[] {
  const rank = operand.shape.length;
  return (axes ?? operand.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + rank : axis));
}

/** Sum over axes; over all of them, a scalar, where none are given. `keep` leaves them as size 1. */
export function sum(operand: Value, axes?: readonly number[], keep = false): Value {
  const chosen = normalAxes(operand, axes);
  return chosen.length === 0 ? operand : apply(sumOp, [operand], { axes: chosen, keep: keep ? 1 : 0 });
}

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

/** Sums a gradient down to the shape that was broadcast to its own. */
export function sumTo(gradient: Value, shape: Shape): Value {
  // A branch that broadcasts a scalar (zero) may be smaller than the shape itself.
  const added = gradient.shape.length - shape.length;
  if (added < 0) return broadcastTo(gradient, shape);
  const axes = gradient.shape.flatMap((dimension, axis) =>
    axis < added || (shape[axis - added] === 1 && dimension !== 1) ? [axis] : [],
  );
  const summed = axes.length === 0 ? gradient : sum(gradient, axes, true);
  const reshaped = added === 0 ? summed : reshape(summed, summed.shape.slice(added));
  return broadcastTo(reshaped, shape);
}
