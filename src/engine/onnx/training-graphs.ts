/**
 * The graphs that train: one that does a whole step (forward, loss, backward, clip, AdamW), and the same cut in two
 * for batches that do not fit in one pass (accumulate, then update).
 */

import type { LossSpec } from "../../algorithms/losses.ts";
import { tokenLoss } from "../../algorithms/token-loss.ts";
import type { OptimizerSettings } from "../../config/schema.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { gradients } from "../../tensor/gradient.ts";
import { add, multiply } from "../../tensor/ops/elementwise.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { sum } from "../../tensor/ops/reduce.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { adamw } from "./adamw.ts";
import type { GroupShape } from "./attention.ts";
import type { Weights } from "./decoder.ts";
import { forwardGroups, headWeight, weightInputs } from "./decoder.ts";
import type { SegmentCounts } from "./head.ts";
import { freeTokens } from "./head.ts";

/** What the graphs of one policy have in common. */
export interface GraphContext {
  readonly config: PolicyConfig;
  readonly segments: readonly Segment[];
  readonly optimizer: OptimizerSettings;
  readonly recompute: boolean;
}

/** The shape of a batch: groups, and free tokens of each segment. */
export interface BatchShape extends GroupShape {
  readonly counts: SegmentCounts;
}

export const accumulated = (name: string): string => `acc:${name}`;

/** Log-probabilities of the free tokens, [N]: output `logprobs`. */
export function logprobGraph(context: GraphContext, shape: BatchShape): Record<string, Value> {
  const weights = weightInputs(context.config);
  const { hidden } = forwardGroups(context.config, weights, shape);
  const head = headWeight(context.config, weights);
  return {
    logprobs: freeTokens({ hidden, head }, context.segments, shape.counts, input("inverseTemperature", []))
      .logprobs,
  };
}

interface LossAndGradients {
  readonly weights: Weights;
  readonly gradients: ReadonlyMap<string, Value>;
  /** Scalars: loss, and sums over counted tokens of kl, entropy, clipLow, clipHigh. */
  readonly metrics: Readonly<Record<string, Value>>;
}

function lossAndGradients(context: GraphContext, shape: BatchShape, spec: LossSpec): LossAndGradients {
  const { config, segments, recompute } = context;
  const weights = weightInputs(config);
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
    completion: input("completion", count, "int64"),
    shares: input("shares", count),
    completions: shape.prompts * shape.groupSize,
  });
  const names = [...weights.keys()];
  const slopes = gradients(loss, [...weights.values()]);
  const total = (values: Value): Value => sum(multiply(values, counted));
  return {
    weights,
    gradients: new Map(names.map((name, index) => [name, slopes[index] as Value])),
    metrics: {
      loss,
      kl: total(kl),
      entropy: total(free.entropies),
      clipLow: total(clippedLow),
      clipHigh: total(clippedHigh),
    },
  };
}

/** Forward, loss, backward, clip and AdamW in one: metrics, `gradNorm` and the new state. */
export function stepGraph(context: GraphContext, shape: BatchShape, spec: LossSpec): Record<string, Value> {
  const { weights, gradients: slopes, metrics } = lossAndGradients(context, shape, spec);
  const { outputs, gradNorm } = adamw(weights, slopes, context.optimizer);
  return { ...metrics, gradNorm, ...outputs };
}

/** Forward, loss and backward of one microbatch; its gradient is added to the one so far (`acc:`). */
export function accumulateGraph(
  context: GraphContext,
  shape: BatchShape,
  spec: LossSpec,
): Record<string, Value> {
  const { gradients: slopes, metrics } = lossAndGradients(context, shape, spec);
  const sums = [...slopes].map(([name, slope]) => [
    `next:${accumulated(name)}`,
    add(input(accumulated(name), slope.shape), slope),
  ]);
  return { ...metrics, ...(Object.fromEntries(sums) as Record<string, Value>) };
}

/** Clip and AdamW for an accumulated gradient. */
export function updateGraph({ config, optimizer }: GraphContext): Record<string, Value> {
  const weights = weightInputs(config);
  const slopes = new Map([...weights].map(([name, { shape }]) => [name, input(accumulated(name), shape)]));
  const { outputs, gradNorm } = adamw(weights, slopes, optimizer);
  return { gradNorm, ...outputs };
}
