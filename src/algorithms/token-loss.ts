/**
 * The losses as graphs over tensors, written once for every engine of this process. All arguments are flat lists
 * over the free tokens of a batch; forced tokens are not in them. docs/loss.md derives each.
 */

import {
  add,
  exp,
  less,
  maximum,
  minimum,
  multiply,
  negate,
  stopGradient,
  subtract,
  cast,
} from "../tensor/ops/elementwise.ts";
import { gather, scatterAdd } from "../tensor/ops/gather.ts";
import { scalar } from "../tensor/ops/leaves.ts";
import { sum } from "../tensor/ops/broadcast.ts";
import type { Value } from "../tensor/value.ts";
import type { KlEstimator, LossSpec, Surrogate } from "./losses.ts";

/** What a loss may look at, each [N] over the free tokens. */
export interface TokenTerms {
  /** Under the policy; differentiable. */
  readonly logprobs: Value;
  /** Under the behaviour policy. */
  readonly oldLogprobs: Value;
  /** Under the reference policy. */
  readonly refLogprobs: Value;
  readonly advantages: Value;
  /** Weight in the loss; carries the normalisation (aggregation.ts). */
  readonly weights: Value;
  /** 1 where the weight is not 0, else 0: what does not count may hold any number, and must not make a NaN of it. */
  readonly counted: Value;
  /** Which completion a token belongs to, int64 in 0…completions−1. */
  readonly completion: Value;
  /** 1 / number of counted tokens of its completion; 0 where it does not count. */
  readonly shares: Value;
  readonly completions: number;
}

export interface TokenLoss {
  /** Σ weight · (surrogate + klCoef · KL), a scalar. */
  readonly loss: Value;
  /** KL estimate, [N]. */
  readonly kl: Value;
  /** 1 where the ratio was clipped from below / above, [N]. */
  readonly clippedLow: Value;
  readonly clippedHigh: Value;
}

interface SurrogateTerms {
  /** What each token adds to the loss before weighting, [N]. */
  readonly cost: Value;
  readonly clippedLow: Value;
  readonly clippedHigh: Value;
}

/** Builds a loss. Spec and terms as documented there; papers are cited with each surrogate in losses.ts. */
export function tokenLoss(spec: LossSpec, terms: TokenTerms): TokenLoss {
  const { cost, clippedLow, clippedHigh } = surrogate(spec.surrogate, terms);
  const policyLoss = sum(multiply(terms.weights, cost));
  if (spec.kl === undefined) {
    return { loss: policyLoss, kl: multiply(terms.weights, scalar(0)), clippedLow, clippedHigh };
  }
  const kl = klEstimate(spec.kl.estimator, terms);
  const penalty = multiply(sum(multiply(terms.weights, kl)), scalar(spec.kl.coef));
  return { loss: add(policyLoss, penalty), kl, clippedLow, clippedHigh };
}

function surrogate(kind: Surrogate, terms: TokenTerms): SurrogateTerms {
  const { logprobs, advantages } = terms;
  const none = multiply(advantages, scalar(0));
  switch (kind.kind) {
    case "on-policy":
      // ρ is 1 and its gradient is that of the log-probability (Williams 1992), so no ratio is formed.
      return { cost: negate(multiply(logprobs, advantages)), clippedLow: none, clippedHigh: none };
    case "clipped":
      return clipped(tokenRatio(terms), advantages, kind);
    case "sequence-clipped":
      return clipped(sequenceRatio(terms), advantages, kind);
    case "capped-weight": {
      const ratio = tokenRatio(terms);
      const cap = scalar(1 + kind.clipHigh);
      const weight = stopGradient(minimum(ratio, cap));
      return {
        cost: negate(multiply(multiply(weight, advantages), logprobs)),
        clippedLow: none,
        clippedHigh: cast(less(cap, ratio), "float32"),
      };
    }
    default:
      return kind satisfies never;
  }
}

/** min(ρA, clip(ρ)A) negated; a token counts as clipped only where the clipped side was the smaller one. */
function clipped(
  ratio: Value,
  advantages: Value,
  range: { clipLow: number; clipHigh: number },
): SurrogateTerms {
  const [floor, ceiling] = [scalar(1 - range.clipLow), scalar(1 + range.clipHigh)];
  const bounded = minimum(maximum(ratio, floor), ceiling);
  const cost = negate(minimum(multiply(ratio, advantages), multiply(bounded, advantages)));
  const flag = (condition: Value): Value => cast(condition, "float32");
  const isGood = flag(less(scalar(0), advantages));
  const isBad = flag(less(advantages, scalar(0)));
  return {
    cost,
    clippedLow: multiply(flag(less(ratio, floor)), isBad),
    clippedHigh: multiply(flag(less(ceiling, ratio)), isGood),
  };
}

/** π / π_old of each token, [N]; 1 where it does not count, since 0 · ∞ would be NaN. */
function tokenRatio({ logprobs, oldLogprobs, counted }: TokenTerms): Value {
  return exp(multiply(subtract(logprobs, oldLogprobs), counted));
}

/** One ratio a completion, the geometric mean of its tokens' ratios, [N] (GSPO, Zheng et al. 2025, eq. 6). */
function sequenceRatio({ logprobs, oldLogprobs, shares, completion, completions }: TokenTerms): Value {
  const part = multiply(subtract(logprobs, oldLogprobs), shares);
  return gather(exp(scatterAdd(part, completion, completions)), completion);
}

/** Estimators of KL(policy ‖ reference) from the policy's own tokens, 0 where they do not count (Schulman 2020, "Approximating KL divergence"). */
function klEstimate(estimator: KlEstimator, { logprobs, refLogprobs, counted }: TokenTerms): Value {
  // Before the exponential, which would be ∞ at padding of an unlikely id, and 0 · ∞ is NaN.
  const difference = multiply(subtract(refLogprobs, logprobs), counted);
  switch (estimator) {
    case "k1":
      return negate(difference);
    case "k2":
      return multiply(multiply(difference, difference), scalar(0.5));
    case "k3":
      return subtract(subtract(exp(difference), difference), scalar(1));
    default:
      return estimator satisfies never;
  }
}
