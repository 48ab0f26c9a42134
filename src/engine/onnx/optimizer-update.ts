/**
 * The end of a training step: clipping by global norm as torch.nn.utils.clip_grad_norm_ does, and the optimizer's
 * update, over all trained parameters as one array.
 */

import type { OptimizerSettings } from "../optimizer-settings.ts";
import { add, divide, minimum, multiply, sqrt } from "../../tensor/ops/elementwise.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import { sumOfSquares } from "../../tensor/ops/reduce.ts";
import { concat, slice } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";
import { sizeOf, type ParameterShape } from "../../policy/parameters.ts";
import { adamw, adamwScalars, type AdamwState } from "./adamw.ts";
import { PARAMETERS } from "./flat-parameters.ts";
import { muon, muonScalars } from "./muon.ts";
import type { PolicyParts } from "./policy-parts.ts";

/** Names of the state among a graph's inputs; `next(name)` of each is an output. */
export const STATE = {
  parameters: PARAMETERS,
  firstMoment: "firstMoment",
  secondMoment: "secondMoment",
} as const;
export const next = (name: string): string => `next:${name}`;

/** The scalars that change from step to step, to be fed by their names. */
export function updateScalars(
  step: number,
  learningRate: number,
  optimizer: OptimizerSettings,
): Record<string, Float32Array> {
  return {
    decay: Float32Array.of(1 - learningRate * optimizer.weightDecay),
    ...adamwScalars(step, learningRate, optimizer),
    ...(optimizer.kind === "muon" && muonScalars(learningRate)),
  };
}

/** Added to the norm, as torch does, so that a zero gradient can be divided by it. */
const NORM_EPSILON = 1e-6;

type Trained = Pick<PolicyParts, "trained" | "squared">;

/**
 * One update of [N] parameters: the next state, `gradNorm` before clipping, and `weightNorm` after the update, which is
 * not finite where a weight is not, or is so large that nothing could be computed with it.
 */
export function update(
  parameters: Value,
  gradient: Value,
  optimizer: OptimizerSettings,
  parts: Trained,
): Record<string, Value> {
  const gradNorm = sqrt(sumOfSquares(gradient));
  const clip = minimum(divide(scalar(optimizer.maxGradNorm), add(gradNorm, scalar(NORM_EPSILON))), scalar(1));
  const squares = total(parts.squared);
  const state: AdamwState = {
    // Decoupled from the gradient, for every rule alike.
    parameters: optimizer.weightDecay === 0 ? parameters : multiply(parameters, input("decay", [])),
    firstMoment: input(STATE.firstMoment, parameters.shape),
    // No graph takes an array of nothing.
    secondMoment: input(STATE.secondMoment, [Math.max(1, squares)]),
  };
  const updated = ((): AdamwState => {
    switch (optimizer.kind) {
      case "adamw":
        return adamw(state, { gradient, clip }, optimizer);
      case "muon":
        return muonAndAdamw(state, { gradient, clip }, optimizer, parts);
      default:
        return optimizer satisfies never;
    }
  })();
  return {
    gradNorm,
    weightNorm: sqrt(sumOfSquares(updated.parameters)),
    [next(STATE.parameters)]: updated.parameters,
    [next(STATE.firstMoment)]: updated.firstMoment,
    [next(STATE.secondMoment)]: updated.secondMoment,
  };
}

/** Matrices lie behind what AdamW moves: see `policyParts`. */
function muonAndAdamw(
  { parameters, firstMoment, secondMoment }: AdamwState,
  { gradient, clip }: { readonly gradient: Value; readonly clip: Value },
  optimizer: Extract<OptimizerSettings, { kind: "muon" }>,
  { trained, squared }: Trained,
): AdamwState {
  const [size, split] = [total(trained), total(squared)];
  const matrices = trained.slice(squared.length).map(({ shape }) => shape as [number, number]);
  const front = (values: Value): Value => slice(values, 0, 0, split);
  const back = (values: Value): Value => slice(values, 0, split, size);
  const moved = muon(
    { parameters: back(parameters), momentum: back(firstMoment) },
    { gradient: back(gradient), clip },
    matrices,
    optimizer,
  );
  if (split === 0) return { parameters: moved.parameters, firstMoment: moved.momentum, secondMoment };
  const rest = adamw(
    { parameters: front(parameters), firstMoment: front(firstMoment), secondMoment },
    { gradient: front(gradient), clip },
    optimizer,
  );
  return {
    parameters: concat([rest.parameters, moved.parameters], 0),
    firstMoment: concat([rest.firstMoment, moved.momentum], 0),
    secondMoment: rest.secondMoment,
  };
}

function total(shapes: readonly ParameterShape[]): number {
  return shapes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
