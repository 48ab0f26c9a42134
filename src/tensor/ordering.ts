/** When onnxruntime computes what: it goes through a graph in breadth, and keeps what it has begun until it is used. */

import { withGradient } from "./custom-gradient.ts";
import { add, multiply } from "./ops/elementwise.ts";
import { input } from "./ops/leaves.ts";
import { reshape, slice } from "./ops/shape.ts";
import type { Value } from "./value.ts";

/** Zero as an input of the graph, since onnxruntime folds a constant zero away. Sessions feed it by themselves. */
export const ZERO_INPUT = "zero";
const ZERO = input(ZERO_INPUT, []);

/** The operand, which is only there once `earlier` has been computed; the gradient is the operand's alone. */
export function computedAfter(operand: Value, earlier: Value): Value {
  const arrived = multiply(reshape(firstElement(earlier), []), ZERO);
  return withGradient(add(operand, arrived), [operand], (upstream) => [upstream]);
}

function firstElement(value: Value): Value {
  return value.shape.reduce((part, _size, axis) => slice(part, axis, 0, 1), value);
}
