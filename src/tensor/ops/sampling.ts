/** What drawing a token needs: running sums, sorting and the index of the largest; none has a gradient. */

import type { Op, Value } from "../value.ts";
import { apply } from "../value.ts";

const cumulativeSumOp: Op = {
  name: "cumulative-sum",
  infer: ([operand]) => ({ shape: (operand as Value).shape, type: "float32" }),
  lower: (emitter, [operand]) =>
    emitter.node("CumSum", [operand as string, emitter.constant(BigInt64Array.of(-1n), [])]),
};

/** Running sum along the last axis. */
export function cumulativeSum(operand: Value): Value {
  return apply(cumulativeSumOp, [operand]);
}

const largestOp: Op = {
  name: "largest",
  infer([operand], attributes) {
    return {
      shape: [...(operand as Value).shape.slice(0, -1), attributes["count"] as number],
      type: "int64",
    };
  },
  lower(emitter, [operand], value) {
    const found = emitter.node(
      "TopK",
      [operand as string, emitter.integers([value.attributes["count"] as number])],
      {
        attributes: { axis: -1, largest: 1, sorted: 1 },
        outputs: 2,
      },
    );
    return emitter.outputOf(found, 1);
  },
};

/** Indices of the `count` largest elements of the last axis, largest first, int64. */
export function largest(operand: Value, count: number): Value {
  return apply(largestOp, [operand], { count });
}
