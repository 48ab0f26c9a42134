/** The Gaussian error linear unit (Hendrycks & Gimpel 2016, eq. 1), exact: x · Φ(x); without a gradient. */

import type { Op, Value } from "../value.ts";
import { apply } from "../value.ts";

const geluOp: Op = {
  name: "gelu",
  infer: ([operand]) => ({ shape: (operand as Value).shape, type: "float32" }),
  lower: (emitter, inputs) =>
    emitter.isCpu
      ? emitter.node("Gelu", inputs, { domain: "com.microsoft" })
      : emitter.node("Gelu", inputs, { attributes: { approximate: "none" } }),
};

export function gelu(operand: Value): Value {
  return apply(geluOp, [operand]);
}
