/** Attention of several heads (Vaswani et al. 2017, eq. 1 and section 3.2.2) in one kernel; without a gradient. */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape } from "../value.ts";

const attentionOp: Op = {
  name: "multi-head-attention",
  infer(inputs, attributes) {
    const [query, key, value] = inputs as [Value, Value, Value];
    const [batch, , width] = query.shape;
    const fits =
      inputs.every(({ shape }) => shape.length === 3 && shape[0] === batch && shape[2] === width) &&
      key.shape[1] === value.shape[1] &&
      width! % (attributes["heads"] as number) === 0;
    requireShape(fits, "multi-head-attention", inputs, "[B, asking, D], [B, T, D] and [B, T, D]");
    return { shape: query.shape, type: "float32" };
  },
  lower: (emitter, inputs, value) =>
    emitter.node("MultiHeadAttention", inputs, {
      domain: "com.microsoft",
      attributes: {
        num_heads: value.attributes["heads"] as number,
        unidirectional: value.attributes["isCausal"] as number,
      },
    }),
  flops(value) {
    const [batch, asking, width] = inputAt(value, 0).shape as [number, number, number];
    return 4 * batch * asking * inputAt(value, 1).shape[1]! * width;
  },
};

/**
 * Queries [B, asking, D] over keys and values [B, T, D] of as many heads beside each other: [B, asking, D]. Causal ones
 * see no later place than their own. Throws ShapeError where shapes do not fit.
 */
export function multiHeadAttention(
  { query, key, value }: { readonly query: Value; readonly key: Value; readonly value: Value },
  { heads, isCausal }: { readonly heads: number; readonly isCausal: boolean },
): Value {
  return apply(attentionOp, [query, key, value], { heads, isCausal: isCausal ? 1 : 0 });
}
