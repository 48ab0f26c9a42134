/** Sums over axes and broadcasting: each is the other's gradient. */

import type { Op, Shape, Value } from "../value.ts";
import { apply, inputAt } from "../value.ts";
import { isSameShape, reshape } from "./shape.ts";

function reducedShape(shape: Shape, axes: readonly number[], keepsAxes: boolean): Shape {
  return shape.flatMap((dimension, axis) => (axes.includes(axis) ? (keepsAxes ? [1] : []) : [dimension]));
}

/** An op over axes (`axes`), which stay as size 1 where `keep` is 1; without gradient. */
export function reduction(name: string, onnx: string): Op {
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
      const axes = emitter.integers(value.attributes["axes"] as readonly number[]);
      const keepdims = value.attributes["keep"] as number;
      return emitter.node(onnx, [operand as string, axes], { attributes: { keepdims } });
    },
  };
}

/** Axes counted from the end where negative; all of them where not given. */
export function normalAxes(operand: Value, axes: readonly number[] | undefined): readonly number[] {
  const rank = operand.shape.length;
  return (axes ?? operand.shape.map((_, axis) => axis)).map((axis) => (axis < 0 ? axis + rank : axis));
}

const sumOp: Op = {
  ...reduction("sum", "ReduceSum"),
  gradient(value, upstream) {
    const operand = inputAt(value, 0);
    const kept = reducedShape(operand.shape, value.attributes["axes"] as readonly number[], true);
    return [[operand, broadcastTo(reshape(upstream, kept), operand.shape)]];
  },
};

/** Sum over axes; over all of them, a scalar, where none are given. `keep` leaves them as size 1. */
export function sum(operand: Value, axes?: readonly number[], keep = false): Value {
  const chosen = normalAxes(operand, axes);
  return chosen.length === 0 ? operand : apply(sumOp, [operand], { axes: chosen, keep: keep ? 1 : 0 });
}

const broadcastOp: Op = {
  name: "broadcast",
  infer: ([operand], attributes) => ({ shape: attributes["shape"] as Shape, type: (operand as Value).type }),
  lower: (emitter, [operand], value) =>
    emitter.node("Expand", [operand as string, emitter.integers(value.shape)]),
  gradient: (value, upstream) => [[inputAt(value, 0), sumTo(upstream, inputAt(value, 0).shape)]],
};

/** Repeats along axes of size 1 (NumPy's rule). */
export function broadcastTo(operand: Value, shape: Shape): Value {
  return isSameShape(operand.shape, shape) ? operand : apply(broadcastOp, [operand], { shape });
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
