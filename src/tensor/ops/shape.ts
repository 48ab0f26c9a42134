/** Rearranging elements without computing: reshape, transpose, slice, concat. */

import type { Op, Shape, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";

/** True where two shapes are equal, axis by axis. */
export function isSameShape(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((dimension, axis) => dimension === right[axis]);
}

const reshapeOp: Op = {
  name: "reshape",
  infer(inputs, attributes) {
    const shape = attributes["shape"] as Shape;
    const operand = inputs[0] as Value;
    requireShape(
      sizeOf(operand.shape) === sizeOf(shape),
      "reshape",
      inputs,
      `as many elements as [${shape.join(", ")}]`,
    );
    return { shape, type: operand.type };
  },
  lower: (emitter, [operand], value) =>
    emitter.node("Reshape", [operand as string, emitter.integers(value.shape)]),
  gradient: (value, upstream) => [[inputAt(value, 0), reshape(upstream, inputAt(value, 0).shape)]],
};

/** The same elements in another shape; of several such changes only the last is computed. */
export function reshape(operand: Value, shape: Shape): Value {
  const source = operand.op === reshapeOp ? inputAt(operand, 0) : operand;
  return isSameShape(source.shape, shape) ? source : apply(reshapeOp, [source], { shape });
}

const transposeOp: Op = {
  name: "transpose",
  infer([operand], attributes) {
    const { shape, type } = operand as Value;
    return { shape: (attributes["order"] as Shape).map((axis) => shape[axis] as number), type };
  },
  lower: (emitter, inputs, value) =>
    emitter.node("Transpose", inputs, { attributes: { perm: value.attributes["order"] as Shape } }),
  gradient(value, upstream) {
    const order = value.attributes["order"] as Shape;
    return [
      [
        inputAt(value, 0),
        transpose(
          upstream,
          order.map((_, axis) => order.indexOf(axis)),
        ),
      ],
    ];
  },
};

/** Axis i of the result is axis `order[i]` of the operand. */
export function transpose(operand: Value, order: Shape): Value {
  const isUnchanged = order.every((axis, position) => axis === position);
  return isUnchanged ? operand : apply(transposeOp, [operand], { order });
}

const sliceOp: Op = {
  name: "slice",
  infer(inputs, attributes) {
    const { shape, type } = inputs[0] as Value;
    const [axis, start, end] = attributes["range"] as [number, number, number];
    requireShape(
      start >= 0 && end <= (shape[axis] ?? -1) && start < end,
      "slice",
      inputs,
      `[${start}, ${end}) of axis ${axis}`,
    );
    return { shape: shape.map((dimension, position) => (position === axis ? end - start : dimension)), type };
  },
  lower(emitter, [operand], value) {
    const [axis, start, end] = value.attributes["range"] as [number, number, number];
    return emitter.node("Slice", [
      operand as string,
      ...[[start], [end], [axis]].map((bound) => emitter.integers(bound)),
    ]);
  },
  gradient(value, upstream) {
    const operand = inputAt(value, 0);
    const [axis, start] = value.attributes["range"] as [number, number, number];
    return [[operand, place(upstream, axis, start, operand.shape[axis] as number)]];
  },
};

/** Elements [start, end) of one axis (negative: counted from the last). */
export function slice(operand: Value, axis: number, start: number, end: number): Value {
  const normal = axis < 0 ? axis + operand.shape.length : axis;
  if (start === 0 && end === operand.shape[normal]) return operand;
  return apply(sliceOp, [operand], { range: [normal, start, end] });
}

const placeOp: Op = {
  name: "place",
  infer([operand], attributes) {
    const { shape, type } = operand as Value;
    const [axis, , total] = attributes["place"] as [number, number, number];
    return { shape: shape.map((dimension, position) => (position === axis ? total : dimension)), type };
  },
  lower(emitter, [operand], value) {
    const [axis, start, total] = value.attributes["place"] as [number, number, number];
    const end = total - start - (inputAt(value, 0).shape[axis] as number);
    const before = value.shape.map((_, position) => (position === axis ? start : 0));
    const after = value.shape.map((_, position) => (position === axis ? end : 0));
    return emitter.node("Pad", [operand as string, emitter.integers([...before, ...after])]);
  },
  gradient(value, upstream) {
    const operand = inputAt(value, 0);
    const [axis, start] = value.attributes["place"] as [number, number, number];
    return [[operand, slice(upstream, axis, start, start + (operand.shape[axis] as number))]];
  },
};

/** The opposite of `slice`: the operand at `start` of an axis that is `total` long, zeros elsewhere. */
export function place(operand: Value, axis: number, start: number, total: number): Value {
  return operand.shape[axis] === total ? operand : apply(placeOp, [operand], { place: [axis, start, total] });
}

/** Where a value lies that `place` made: its operand, at `start` of the axis; undefined for any other value. */
export function placement(value: Value): { axis: number; start: number; operand: Value } | undefined {
  if (value.op !== placeOp) return undefined;
  const [axis, start] = value.attributes["place"] as [number, number, number];
  return { axis, start, operand: inputAt(value, 0) };
}

const concatOp: Op = {
  name: "concat",
  infer(inputs, attributes) {
    const axis = attributes["axis"] as number;
    const first = inputs[0] as Value;
    const fits = inputs.every((part) =>
      part.shape.every((size, position) => position === axis || size === first.shape[position]),
    );
    requireShape(fits, "concat", inputs, `shapes alike but for axis ${axis}`);
    const total = inputs.reduce((length, part) => length + (part.shape[axis] as number), 0);
    return {
      shape: first.shape.map((size, position) => (position === axis ? total : size)),
      type: first.type,
    };
  },
  lower: (emitter, inputs, value) =>
    emitter.node("Concat", inputs, { attributes: { axis: value.attributes["axis"] as number } }),
  gradient(value, upstream) {
    const axis = value.attributes["axis"] as number;
    let start = 0;
    return value.inputs.map((part) => {
      const end = start + (part.shape[axis] as number);
      const contribution = [part, slice(upstream, axis, start, end)] as const;
      start = end;
      return contribution;
    });
  },
};

/** Joins along one axis (negative: counted from the last). */
export function concat(parts: readonly Value[], axis: number): Value {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  return apply(concatOp, parts, { axis: axis < 0 ? axis + (first?.shape.length ?? 0) : axis });
}
