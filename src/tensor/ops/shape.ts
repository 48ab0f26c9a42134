/** Rearranging elements without computing: reshape, transpose, broadcast, slice, concat. */

import type { Op, Shape, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";
import { add } from "./elementwise.ts";
import { sumTo } from "./reduce.ts";

const isSame = (left: Shape, right: Shape): boolean =>
  left.length === right.length && left.every((dimension, axis) => dimension === right[axis]);

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

/** The same elements in another shape. */
export function reshape(operand: Value, shape: Shape): Value {
  return isSame(operand.shape, shape) ? operand : apply(reshapeOp, [operand], { shape });
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

const broadcastOp: Op = {
  name: "broadcast",
  infer: ([operand], attributes) => ({ shape: attributes["shape"] as Shape, type: (operand as Value).type }),
  lower: (emitter, [operand], value) =>
    emitter.node("Expand", [operand as string, emitter.integers(value.shape)]),
  gradient: (value, upstream) => [[inputAt(value, 0), sumTo(upstream, inputAt(value, 0).shape)]],
};

/** Repeats along axes of size 1 (NumPy's rule). */
export function broadcastTo(operand: Value, shape: Shape): Value {
  return isSame(operand.shape, shape) ? operand : apply(broadcastOp, [operand], { shape });
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

/**
 * The sum of gradients that flow to one value. Those of its slices, where they do not overlap, are laid side by
 * side instead of being padded and added: half the memory traffic of splitting a tensor in two.
 */
export function sumOfGradients(parts: readonly Value[]): Value {
  const placed = parts.filter((part) => part.op === placeOp);
  const others = parts.filter((part) => part.op !== placeOp);
  const sums = [...sideBySide(placed), ...others];
  return sums.reduce((total, part) => add(total, part));
}

function sideBySide(placed: readonly Value[]): readonly Value[] {
  const ranges = placed.map((part) => {
    const [axis, start] = part.attributes["place"] as [number, number, number];
    const operand = inputAt(part, 0);
    return { axis, start, end: start + (operand.shape[axis] as number), operand };
  });
  ranges.sort((left, right) => left.start - right.start);
  const isCover = ranges.every(
    ({ axis, start }, index) => axis === ranges[0]?.axis && start === (ranges[index - 1]?.end ?? 0),
  );
  const last = ranges.at(-1);
  if (!isCover || last === undefined || placed.length < 2) return placed;
  const total = (placed[0] as Value).shape[last.axis] as number;
  const joined = concat(
    ranges.map(({ operand }) => operand),
    last.axis,
  );
  return [place(joined, last.axis, 0, total)];
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
