/** A loss with its gradient to the log-probabilities, as the graph that the workers run between forward and backward. */

import type { LossSpec } from "../../algorithms/losses.ts";
import { tokenLoss } from "../../algorithms/token-loss.ts";
import { gradients } from "../../tensor/gradient.ts";
import { sum } from "../../tensor/ops/broadcast.ts";
import { multiply } from "../../tensor/ops/elementwise.ts";
import { input } from "../../tensor/ops/leaves.ts";
import type { Value } from "../../tensor/value.ts";
import { sentGraph, type SentGraph } from "./sent-graph.ts";

/** Room for so many free tokens, of so many completions. */
export interface LossShape {
  readonly tokens: number;
  readonly completions: number;
}

export function lossGraph(spec: LossSpec, shape: LossShape): SentGraph {
  return sentGraph(lossValues(spec, shape));
}

/** Loss, sums over counted tokens of kl, clipLow and clipHigh, and `push` = ∂loss/∂logprobs [tokens]. */
export function lossValues(
  spec: LossSpec,
  { tokens, completions }: LossShape,
): Readonly<Record<string, Value>> {
  const at = (name: string, type: "float32" | "int64" = "float32"): Value => input(name, [tokens], type);
  const [logprobs, counted] = [at("logprobs"), at("counted")];
  const { loss, kl, clippedLow, clippedHigh } = tokenLoss(spec, {
    logprobs,
    counted,
    oldLogprobs: at("oldLogprobs"),
    refLogprobs: at("refLogprobs"),
    advantages: at("advantages"),
    weights: at("weights"),
    completion: at("completion", "int64"),
    shares: at("shares"),
    completions,
  });
  const total = (values: Value): Value => sum(multiply(values, counted));
  const [push] = gradients(loss, [logprobs]);
  return {
    loss,
    kl: total(kl),
    clipLow: total(clippedLow),
    clipHigh: total(clippedHigh),
    push: push as Value,
  };
}
