/**
 * Activation recomputation (Chen et al. 2016): what lies between the operands and the result of a region is not
 * kept for the backward pass but computed again there, so memory holds one region's activations at a time.
 */

import { withGradient } from "./custom-gradient.ts";
import { gradients } from "./gradient.ts";
import { add, multiply } from "./ops/elementwise.ts";
import { input } from "./ops/leaves.ts";
import { reshape, slice } from "./ops/shape.ts";
import type { Value } from "./value.ts";

/** Zero as an input of the graph, since onnxruntime folds a constant zero away. Sessions feed it by themselves. */
export const ZERO_INPUT = "zero";
const ZERO = input(ZERO_INPUT, []);

/**
 * The result of `build(...operands)`, whose inner values are computed again in the backward pass. The first
 * operand is the activation that everything inside depends on; whatever else a gradient is wanted for
 * (parameters) must be among the operands too.
 */
export function recomputed(operands: readonly Value[], build: (...operands: Value[]) => Value): Value {
  return withGradient(build(...operands), operands, (upstream) => {
    // Only what arrives with the upstream gradient may start the second computation: onnxruntime would
    // otherwise merge it with the first one, or run it too early, and keep everything after all.
    const arrived = multiply(reshape(firstElement(upstream), []), ZERO);
    const again = operands.map((operand, index) => (index === 0 ? add(operand, arrived) : operand));
    return gradients(build(...again), again, upstream);
  });
}

function firstElement(value: Value): Value {
  return value.shape.reduce((part, _size, axis) => slice(part, axis, 0, 1), value);
}
