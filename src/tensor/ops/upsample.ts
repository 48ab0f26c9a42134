/** Nearest-neighbour upsampling by whole factors: every element becomes a block of itself. */

import type { Op, Shape, Value } from "../value.ts";
import { apply, inputAt, requireShape } from "../value.ts";
import { sum } from "./broadcast.ts";
import { reshape } from "./shape.ts";

const upsampleOp: Op = {
  name: "upsample",
  infer(inputs, attributes) {
    const { shape, type } = inputs[0] as Value;
    const factors = attributes["factors"] as Shape;
    const isFitting =
      factors.length === shape.length && factors.every((factor) => Number.isInteger(factor) && factor >= 1);
    requireShape(isFitting, "upsample", inputs, `a whole factor an axis, not [${factors.join(", ")}]`);
    return { shape: shape.map((size, axis) => size * (factors[axis] as number)), type };
  },
  lower(emitter, [operand], value) {
    const factors = value.attributes["factors"] as Shape;
    const scales = emitter.constant(Float32Array.from(factors), [factors.length]);
    return emitter.node("Resize", [operand as string, "", scales], {
      attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    });
  },
  gradient(value, upstream) {
    const operand = inputAt(value, 0);
    const factors = value.attributes["factors"] as Shape;
    const blocks = operand.shape.flatMap((size, axis) => [size, factors[axis] as number]);
    const inBlock = factors.map((_, axis) => 2 * axis + 1);
    return [[operand, sum(reshape(upstream, blocks), inBlock)]];
  },
};

/** Repeats every element `factors[axis]` times along each axis. Throws ShapeError for factors that are not whole. */
export function upsample(operand: Value, factors: Shape): Value {
  return factors.every((factor) => factor === 1) ? operand : apply(upsampleOp, [operand], { factors });
}
