/** A value whose gradient is written by hand, where that is cheaper than what the chain rule gives op by op. */

import type { Op, Value } from "./value.ts";
import { apply } from "./value.ts";

type Backward = (upstream: Value) => readonly Value[];

/**
 * `result` as it is, but gradients flow to `operands` as `backward` says (one an operand, in order) and nowhere else:
 * everything `result` depends on that a gradient is wanted for must reach it through the operands.
 */
export function withGradient(result: Value, operands: readonly Value[], backward: Backward): Value {
  return apply(opOf(backward), [result, ...operands]);
}

const opOf = (backward: Backward): Op => ({
  name: "custom-gradient",
  infer: ([result]) => ({ shape: (result as Value).shape, type: (result as Value).type }),
  lower: (_emitter, [result]) => result as string,
  gradient(value, upstream) {
    const slopes = backward(upstream);
    return value.inputs.slice(1).map((operand, index) => [operand, slopes[index] as Value] as const);
  },
});
