/** The activation inside SwiGLU (Shazeer 2020, eq. 6), with its gradient in as few passes as plain kernels allow. */

import { withGradient } from "../custom-gradient.ts";
import type { Value } from "../value.ts";
import { add, multiply, sigmoid, silu, subtract } from "./elementwise.ts";

/**
 * silu(gate) · up. With s = sigmoid(gate), the slope of silu is s + s · gate · (1 − s), so that of the result h in the
 * gate is up · s + h · (1 − s) = h + s · (up − h): six passes with that of s, where op by op it takes eight and another.
 */
export function gated(gate: Value, up: Value): Value {
  const open = silu(gate);
  const result = multiply(open, up);
  return withGradient(result, [gate, up], (upstream) => [
    multiply(upstream, add(result, multiply(sigmoid(gate), subtract(up, result)))),
    multiply(upstream, open),
  ]);
}
