/** Scored groups as an engine trains on them: advantages, token weights, and the log-probabilities a loss compares with. */

import { tokenWeights, type Aggregation } from "../algorithms/aggregation.ts";
import type { LossSpec } from "../algorithms/losses.ts";
import type { PolicyEngine, TrainingCompletion, TrainingGroup } from "../engine/policy-engine.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import { countedTokens } from "../tokens/constraints.ts";

export interface LossPlan {
  readonly loss: LossSpec;
  readonly aggregation: Aggregation;
  readonly maxTokens: number;
}

/**
 * The groups to train on; `advantages` has one entry a completion, undefined where its verdict failed. A group without
 * any advantage to act on is left out unless a KL term pulls at it; the weights are those of the whole rollout either
 * way, so leaving it out saves work and changes nothing.
 */
export function policyBatch(
  groups: readonly ScoredGroup[],
  advantages: readonly (readonly (number | undefined)[])[],
  plan: LossPlan,
): TrainingGroup[] {
  const scored = groups.map((group, index) => ({
    prompt: group.edit.prompt,
    completions: group.completions.flatMap(({ ids, constraints, logprobs }, at) => {
      const advantage = advantages[index]![at];
      if (advantage === undefined) return [];
      return [{ ids, constraints, logprobs, advantage }];
    }),
  }));
  const counted = scored.flatMap((group) =>
    group.completions.map(({ constraints }) => countedTokens(constraints)),
  );
  const weights = tokenWeights(counted, plan.aggregation, plan.maxTokens)[Symbol.iterator]();
  const needsOld = plan.loss.surrogate.kind !== "on-policy";
  return scored
    .map(({ prompt, completions }) => ({
      prompt,
      completions: completions.map(({ ids, constraints, logprobs, advantage }): TrainingCompletion => ({
        ids,
        constraints,
        advantage,
        weights: weights.next().value!,
        ...(needsOld ? { oldLogprobs: logprobs } : {}),
      })),
    }))
    .filter(({ completions }) =>
      plan.loss.kl === undefined
        ? completions.some(({ advantage }) => advantage !== 0)
        : completions.length > 0,
    );
}

export interface ReferencedBatch {
  readonly batch: readonly TrainingGroup[];
  /** Operations that the reference policy took. */
  readonly flops: number;
}

/** The batch with log-probabilities under the reference policy, where the loss has a KL term; else the batch itself. */
export async function withReference(
  engine: PolicyEngine,
  batch: readonly TrainingGroup[],
  loss: LossSpec,
): Promise<ReferencedBatch> {
  if (loss.kl === undefined || batch.length === 0) return { batch, flops: 0 };
  const { logprobs, flops } = await engine.logprobs(batch, "reference", loss.temperature);
  const referenced = batch.map(({ prompt, completions }, group) => ({
    prompt,
    completions: completions.map((completion, index) => ({
      ...completion,
      refLogprobs: logprobs[group]![index]!,
    })),
  }));
  return { batch: referenced, flops };
}
