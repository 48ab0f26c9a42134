/** Layer normalisation (Ba et al. 2016, eq. 3) of the last axis, with a scale and a shift; without a gradient. */

import type { Op, Value } from "../value.ts";
import { apply, requireShape } from "../value.ts";

const layerNormOp: Op = {
  name: "layer-norm",
  infer(inputs) {
    const [operand, weight, bias] = inputs as [Value, Value, Value];
    const width = operand.shape.at(-1);
    const fits = [weight, bias].every(({ shape }) => shape.length === 1 && shape[0] === width);
    requireShape(fits, "layer-norm", inputs, "[…, N] with a scale [N] and a shift [N]");
    return { shape: operand.shape, type: "float32" };
  },
  lower: (emitter, inputs, value) =>
    emitter.node("LayerNormalization", inputs, {
      attributes: { axis: -1, epsilon: { float: value.attributes["epsilon"] as number } },
    }),
};

/** (x − mean) / √(variance + ε) · weight + bias. Throws ShapeError where these do not fit the last axis. */
export function layerNorm(
  operand: Value,
  { weight, bias, epsilon }: { readonly weight: Value; readonly bias: Value; readonly epsilon: number },
): Value {
  return apply(layerNormOp, [operand, weight, bias], { epsilon });
}
