/**
 * Symbolic tensors. A `Value` is a node of an immutable graph: the op that makes it, its inputs and its static
 * shape. Building one checks shapes; nothing is computed until a graph is compiled (compile.ts).
 */

import { ShapeError } from "../errors.ts";
import type { Emitter } from "./emitter.ts";

export type ElementType = "float32" | "int64" | "int32" | "bool";
export type Shape = readonly number[];
export type Attribute = number | string | readonly number[] | Float32Array | BigInt64Array;
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Value {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly type: ElementType;
}

/** A gradient that flows to one input. */
export type Contribution = readonly [input: Value, gradient: Value];

/** One operation: shape rule, lowering to ONNX and gradient, together in one place. */
export interface Op {
  readonly name: string;
  /** Shape and element type of the result. Throws ShapeError where the inputs do not fit. */
  infer(
    inputs: readonly Value[],
    attributes: Attributes,
  ): { readonly shape: Shape; readonly type: ElementType };
  /** Adds ONNX nodes and returns the name of the result. */
  lower(emitter: Emitter, inputs: readonly string[], value: Value): string;
  /** What flows to the inputs when `upstream` flows to the value. Absent: the op has no gradient. */
  gradient?(value: Value, upstream: Value): readonly Contribution[];
  /** Floating-point operations, counted for matrix products alone. */
  flops?(value: Value): number;
}

/** Applies an op. */
export function apply(op: Op, inputs: readonly Value[], attributes: Attributes = {}): Value {
  return { op, inputs, attributes, ...op.infer(inputs, attributes) };
}

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** `[2, 3] float32`, for messages and dumps. */
export function describe(value: Value): string {
  return `[${value.shape.join(", ")}] ${value.type}`;
}

/** Refuses shapes that an op cannot take, naming the op and what it was given. */
export function requireShape(isFitting: boolean, op: string, inputs: readonly Value[], rule: string): void {
  if (isFitting) return;
  throw new ShapeError(`${op} takes ${rule}, got ${inputs.map(describe).join(" and ")}.`);
}

/** The inputs of an op, of a known number. */
export function inputAt(value: Value, index: number): Value {
  const input = value.inputs[index];
  if (input === undefined) throw new ShapeError(`${value.op.name} has no input ${index}.`);
  return input;
}

/** Shape two shapes broadcast to (NumPy's rule). */
export function broadcastShape(op: string, left: Value, right: Value): Shape {
  const rank = Math.max(left.shape.length, right.shape.length);
  return Array.from({ length: rank }, (_, axis) => {
    const a = left.shape[axis - rank + left.shape.length] ?? 1;
    const b = right.shape[axis - rank + right.shape.length] ?? 1;
    requireShape(a === b || a === 1 || b === 1, op, [left, right], "shapes that broadcast");
    return a === 1 ? b : a;
  });
}
