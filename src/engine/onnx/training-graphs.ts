/**
 * The graphs that train: one that does a whole step (forward, loss, backward, clip, update), and the same cut in two
 * for batches that do not fit in one pass (accumulate, then update).
 */

import type { LossSpec } from "../../algorithms/losses.ts";
import { tokenLoss } from "../../algorithms/token-loss.ts";
import type { OptimizerSettings } from "../optimizer-settings.ts";
import { gradients } from "../../tensor/gradient.ts";
import { add, multiply } from "../../tensor/ops/elementwise.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { sum } from "../../tensor/ops/broadcast.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { next, update } from "./optimizer-update.ts";
import type { GroupShape } from "./attention.ts";
import { forwardGroups, headWeight } from "./decoder.ts";
import { flatPieces, joined, PARAMETERS, parameterLayout } from "./flat-parameters.ts";
import type { SegmentCounts } from "./head.ts";
import { freeTokens } from "./head.ts";
import { inputsOf, policyParts, weightInputs, weightsOf, type GraphPolicy } from "./policy-parts.ts";

/** What the graphs of one policy have in common. */
export interface GraphContext extends GraphPolicy {
  readonly segments: readonly Segment[];
  readonly optimizer: OptimizerSettings;
  readonly recompute: boolean;
}

/** The shape of a batch: groups, and free tokens of each segment. */
export interface BatchShape extends GroupShape {
  readonly counts: SegmentCounts;
}

export const ACCUMULATED = "accumulated";

/** Log-probabilities of the free tokens, [N]: output `logprobs`. */
export function logprobGraph(context: GraphContext, shape: BatchShape): Record<string, Value> {
  const weights = weightInputs(context);
  const { hidden } = forwardGroups(context.config, weights, shape);
  const head = headWeight(context.config, weights);
  return {
    logprobs: freeTokens({ hidden, head }, context.segments, shape.counts, input("inverseTemperature", []))
      .logprobs,
  };
}

interface LossAndGradient {
  /** Of the trained parameters, [N] each. */
  readonly parameters: Value;
  readonly gradient: Value;
  /** Scalars: loss, and sums over counted tokens of kl, entropy, clipLow, clipHigh. */
  readonly metrics: Readonly<Record<string, Value>>;
}

function lossAndGradient(context: GraphContext, shape: BatchShape, spec: LossSpec): LossAndGradient {
  const { config, segments, recompute } = context;
  const { trained, given } = policyParts(context);
  const { flat, pieces } = flatPieces(parameterLayout(trained));
  const weights = weightsOf(context, new Map([...inputsOf(given), ...pieces]));
  const { hidden } = forwardGroups(config, weights, shape, { recompute });
  const head = headWeight(config, weights);
  const free = freeTokens({ hidden, head }, segments, shape.counts, input("inverseTemperature", []));
  const count = free.logprobs.shape;
  const counted = input("counted", count);
  const { loss, kl, clippedLow, clippedHigh } = tokenLoss(spec, {
    logprobs: free.logprobs,
    oldLogprobs: input("oldLogprobs", count),
    refLogprobs: input("refLogprobs", count),
    advantages: input("advantages", count),
    weights: input("weights", count),
    counted,
    completion: input("completion", count, "int64"),
    shares: input("shares", count),
    completions: shape.prompts * shape.groupSize,
  });
  const total = (values: Value): Value => sum(multiply(values, counted));
  return {
    parameters: flat,
    gradient: joined(gradients(loss, [...pieces.values()])),
    metrics: {
      loss,
      kl: total(kl),
      entropy: total(free.entropies),
      clipLow: total(clippedLow),
      clipHigh: total(clippedHigh),
    },
  };
}

/** Forward, loss, backward, clip and the optimizer's update in one: metrics, `gradNorm` and the next state. */
export function stepGraph(context: GraphContext, shape: BatchShape, spec: LossSpec): Record<string, Value> {
  const { parameters, gradient, metrics } = lossAndGradient(context, shape, spec);
  return { ...metrics, ...update(parameters, gradient, context.optimizer, policyParts(context)) };
}

/** Forward, loss and backward of one microbatch; its gradient is added to the one so far. */
export function accumulateGraph(
  context: GraphContext,
  shape: BatchShape,
  spec: LossSpec,
): Record<string, Value> {
  const { gradient, metrics } = lossAndGradient(context, shape, spec);
  return { ...metrics, [next(ACCUMULATED)]: add(input(ACCUMULATED, gradient.shape), gradient) };
}

/** Clip and the optimizer's update for an accumulated gradient. */
export function updateGraph(context: GraphContext): Record<string, Value> {
  const parts = policyParts(context);
  const { size } = parameterLayout(parts.trained);
  return update(input(PARAMETERS, [size]), input(ACCUMULATED, [size]), context.optimizer, parts);
}
