/** Values without inputs: what the caller feeds, and constants. */

import type { ElementType, Op, Shape, Value } from "../value.ts";
import { apply, sizeOf } from "../value.ts";
import { ShapeError } from "../../errors.ts";

const inputOp: Op = {
  name: "input",
  infer: (_inputs, attributes) => ({
    shape: attributes["shape"] as readonly number[],
    type: attributes["type"] as ElementType,
  }),
  // The compiler names graph inputs itself and never lowers them.
  lower: (_emitter, _inputs, value) => value.attributes["name"] as string,
};

/** A tensor that the caller feeds under this name. */
export function input(name: string, shape: Shape, type: ElementType = "float32"): Value {
  return apply(inputOp, [], { name, shape, type });
}

/** The name of an input, undefined for any other value. */
export function inputName(value: Value): string | undefined {
  return value.op === inputOp ? (value.attributes["name"] as string) : undefined;
}

const constantOp: Op = {
  name: "constant",
  infer: (_inputs, attributes) => ({
    shape: attributes["shape"] as readonly number[],
    type: attributes["data"] instanceof Float32Array ? "float32" : "int64",
  }),
  lower: (emitter, _inputs, value) =>
    emitter.constant(value.attributes["data"] as Float32Array | BigInt64Array, value.shape),
};

/** A tensor of fixed numbers, stored in the graph. */
export function constant(data: Float32Array | BigInt64Array, shape: Shape): Value {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `A constant of shape [${shape.join(", ")}] has ${sizeOf(shape)} elements, got ${data.length}.`,
    );
  }
  return apply(constantOp, [], { data, shape });
}

/** A float32 scalar, shape []. */
export function scalar(number: number): Value {
  return constant(Float32Array.of(number), []);
}
