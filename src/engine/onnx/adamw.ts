/**
 * AdamW with decoupled weight decay (Loshchilov & Hutter 2019, alg. 2) behind clipping by global norm, as graph
 * values. Numbers match torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
 */

import type { OptimizerSettings } from "../../config/schema.ts";
import { add, divide, minimum, multiply, sqrt, subtract } from "../../tensor/ops/elementwise.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import { sumOfSquares } from "../../tensor/ops/reduce.ts";
import type { Value } from "../../tensor/value.ts";
import type { Weights } from "./decoder.ts";

/** Names of a parameter's state among a graph's inputs; `next(name)` of each is an output. */
export const firstMoment = (name: string): string => `m:${name}`;
export const secondMoment = (name: string): string => `v:${name}`;
export const next = (name: string): string => `next:${name}`;

export interface Update {
  /** New parameters and moments by output name. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** Global norm before clipping, a scalar. */
  readonly gradNorm: Value;
}

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

/** One update of every parameter that has a gradient. */
export function adamw(
  weights: Weights,
  gradients: ReadonlyMap<string, Value>,
  optimizer: OptimizerSettings,
): Update {
  const squares = [...gradients.values()].map(sumOfSquares);
  const gradNorm = sqrt(squares.reduce((total, part) => add(total, part)));
  const clip = minimum(divide(scalar(optimizer.maxGradNorm), add(gradNorm, scalar(1e-6))), scalar(1));
  const [decay, stepSize, rootCorrection] = [
    input("decay", []),
    input("stepSize", []),
    input("rootCorrection", []),
  ];

  const outputs: Record<string, Value> = {};
  for (const [name, gradient] of gradients) {
    const parameter = weights.get(name) as Value;
    const clipped = multiply(gradient, clip);
    const first = mix(input(firstMoment(name), parameter.shape), clipped, optimizer.beta1);
    const second = mix(
      input(secondMoment(name), parameter.shape),
      multiply(clipped, clipped),
      optimizer.beta2,
    );
    const denominator = add(multiply(sqrt(second), rootCorrection), scalar(optimizer.epsilon));
    const change = divide(multiply(first, stepSize), denominator);
    const decayed = optimizer.weightDecay === 0 ? parameter : multiply(parameter, decay);
    outputs[next(name)] = subtract(decayed, change);
    outputs[next(firstMoment(name))] = first;
    outputs[next(secondMoment(name))] = second;
  }
  return { outputs, gradNorm };
}

function mix(average: Value, value: Value, beta: number): Value {
  return add(multiply(average, scalar(beta)), multiply(value, scalar(1 - beta)));
}
