/**
 * AdamW with decoupled weight decay (Loshchilov & Hutter 2019, alg. 2) as graph values. Numbers match torch.optim.AdamW.
 */

import { add, divide, multiply, sqrt, subtract } from "../../tensor/ops/elementwise.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import type { Value } from "../../tensor/value.ts";
import type { AdamwSettings } from "../optimizer-settings.ts";

/** Parameters that move together, [N] each. */
export interface AdamwState {
  readonly parameters: Value;
  readonly firstMoment: Value;
  readonly secondMoment: Value;
}

/** The scalars that change from step to step, to be fed by these names. */
export function adamwScalars(
  step: number,
  learningRate: number,
  { beta1, beta2 }: AdamwSettings,
): Record<string, Float32Array> {
  return {
    stepSize: Float32Array.of(learningRate / (1 - beta1 ** step)),
    rootCorrection: Float32Array.of(1 / Math.sqrt(1 - beta2 ** step)),
  };
}

/** The state after a gradient [N] that is to be multiplied by `clip`; the parameters have decayed already. */
export function adamw(
  { parameters, firstMoment, secondMoment }: AdamwState,
  { gradient, clip }: { readonly gradient: Value; readonly clip: Value },
  { beta1, beta2, epsilon }: AdamwSettings,
): AdamwState {
  const share = multiply(clip, scalar(1 - beta1));
  const squareShare = multiply(multiply(clip, clip), scalar(1 - beta2));
  const first = add(multiply(firstMoment, scalar(beta1)), multiply(gradient, share));
  const second = add(
    multiply(secondMoment, scalar(beta2)),
    multiply(multiply(gradient, gradient), squareShare),
  );
  const denominator = add(multiply(sqrt(second), input("rootCorrection", [])), scalar(epsilon));
  const change = divide(multiply(first, input("stepSize", [])), denominator);
  return { parameters: subtract(parameters, change), firstMoment: first, secondMoment: second };
}
