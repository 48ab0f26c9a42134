/** Group normalisation (Wu & He 2018, eq. 1 and 7): channels in groups, each group of a picture by its own mean and spread. */

import type { Op, Value } from "../value.ts";
import { apply, inputAt, requireShape, sizeOf } from "../value.ts";
import { add, divide, multiply, sqrt, subtract } from "./elementwise.ts";
import { scalar } from "./leaves.ts";
import { mean } from "./reduce.ts";
import { reshape } from "./shape.ts";

const standardizeOp: Op = {
  name: "standardize",
  infer: ([operand]) => ({ shape: (operand as Value).shape, type: "float32" }),
  // The only kernel of onnxruntime's CPU provider that takes mean and variance of what is not the last axis alone;
  // groups stand in for its channels.
  lower(emitter, inputs, value) {
    const groups = value.shape[1] as number;
    const ones = emitter.constant(new Float32Array(groups).fill(1), [groups]);
    const zeros = emitter.constant(new Float32Array(groups), [groups]);
    const epsilon = value.attributes["epsilon"] as number;
    return emitter.node("InstanceNormalization", [...inputs, ones, zeros], {
      attributes: { epsilon: { float: epsilon } },
    });
  },
  gradient(value, upstream) {
    const operand = inputAt(value, 0);
    const centred = subtract(operand, mean(operand, [2], true));
    const variance = mean(multiply(centred, centred), [2], true);
    const spread = sqrt(add(variance, scalar(value.attributes["epsilon"] as number)));
    const along = multiply(value, mean(multiply(upstream, value), [2], true));
    return [[operand, divide(subtract(subtract(upstream, mean(upstream, [2], true)), along), spread)]];
  },
};

/**
 * (x − mean) / √(variance + ε) within each of `groups` groups of neighbouring channels, for [B, C, …]; without scale
 * and shift. Throws ShapeError where the groups do not divide the channels.
 */
export function groupStandardize(operand: Value, groups: number, epsilon: number): Value {
  const [batch, channels] = operand.shape as [number, number];
  requireShape(
    operand.shape.length > 2 && channels % groups === 0,
    "group-norm",
    [operand],
    `[B, C, …] with C a multiple of ${groups}`,
  );
  const members = (channels / groups) * sizeOf(operand.shape.slice(2));
  const grouped = reshape(operand, [batch, groups, members]);
  return reshape(apply(standardizeOp, [grouped], { epsilon }), operand.shape);
}

/** Group normalisation of [B, C, …] with a scale and a shift [C] a channel, as torch's GroupNorm. */
export function groupNorm(
  operand: Value,
  affine: { readonly weight: Value; readonly bias: Value },
  groups: number,
  epsilon: number,
): Value {
  const perChannel = [operand.shape[1] as number, ...operand.shape.slice(2).map(() => 1)];
  const scaled = multiply(groupStandardize(operand, groups, epsilon), reshape(affine.weight, perChannel));
  return add(scaled, reshape(affine.bias, perChannel));
}
