/**
 * AdamW with decoupled weight decay (Loshchilov & Hutter 2019, alg. 2) behind clipping by global norm, as graph
 * values over all parameters as one array. Numbers match torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
 */

import type { OptimizerSettings } from "../optimizer-settings.ts";
import { add, divide, minimum, multiply, sqrt, subtract } from "../../tensor/ops/elementwise.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import { sumOfSquares } from "../../tensor/ops/reduce.ts";
import type { Value } from "../../tensor/value.ts";
import { PARAMETERS } from "./flat-parameters.ts";

/** Names of the state among a graph's inputs; `next(name)` of each is an output. */
export const STATE = {
  parameters: PARAMETERS,
  firstMoment: "firstMoment",
  secondMoment: "secondMoment",
} as const;
export const next = (name: string): string => `next:${name}`;

/** The scalars that change from step to step, to be fed by these names. */
export function updateScalars(
  step: number,
  learningRate: number,
  optimizer: OptimizerSettings,
): Record<string, Float32Array> {
  return {
    decay: Float32Array.of(1 - learningRate * optimizer.weightDecay),
    stepSize: Float32Array.of(learningRate / (1 - optimizer.beta1 ** step)),
    rootCorrection: Float32Array.of(1 / Math.sqrt(1 - optimizer.beta2 ** step)),
  };
}

/** Added to the norm, as torch does, so that a zero gradient can be divided by it. */
const NORM_EPSILON = 1e-6;

/**
 * One update of [N] parameters: the next state, `gradNorm` before clipping, and `weightNorm` after the update, which is
 * not finite where a weight is not, or is so large that nothing could be computed with it.
 */
export function adamw(
  parameters: Value,
  gradient: Value,
  optimizer: OptimizerSettings,
): Record<string, Value> {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = optimizer;
  const gradNorm = sqrt(sumOfSquares(gradient));
  const clip = minimum(divide(scalar(maxGradNorm), add(gradNorm, scalar(NORM_EPSILON))), scalar(1));
  const share = multiply(clip, scalar(1 - beta1));
  const squareShare = multiply(multiply(clip, clip), scalar(1 - beta2));

  const first = add(
    multiply(input(STATE.firstMoment, parameters.shape), scalar(beta1)),
    multiply(gradient, share),
  );
  const second = add(
    multiply(input(STATE.secondMoment, parameters.shape), scalar(beta2)),
    multiply(multiply(gradient, gradient), squareShare),
  );
  const denominator = add(multiply(sqrt(second), input("rootCorrection", [])), scalar(epsilon));
  const change = divide(multiply(first, input("stepSize", [])), denominator);
  const decayed = weightDecay === 0 ? parameters : multiply(parameters, input("decay", []));
  const updated = subtract(decayed, change);
  return {
    gradNorm,
    weightNorm: sqrt(sumOfSquares(updated)),
    [next(STATE.parameters)]: updated,
    [next(STATE.firstMoment)]: first,
    [next(STATE.secondMoment)]: second,
  };
}
