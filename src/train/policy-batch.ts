/** Scored groups as an engine trains on them: advantages, token weights, and the log-probabilities a loss compares with. */

import { tokenWeights, type Aggregation } from "../algorithms/aggregation.ts";
import type { LossSpec } from "../algorithms/losses.ts";
import type { PolicyEngine, TrainingCompletion, TrainingGroup } from "../engine/policy-engine.ts";
import { countedTokens } from "../rollout/counted-tokens.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { Grammar } from "../tokens/grammar.ts";

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
  grammar: Grammar,
  plan: LossPlan,
): TrainingGroup[] {
  const scored = groups.map((group, index) => ({
    prompt: group.edit.prompt,
    completions: group.completions.flatMap(({ ids, logprobs }, at) => {
      const advantage = advantages[index]![at];
      if (advantage === undefined) return [];
      return [{ ids, logprobs, advantage, counted: countedTokens(grammar, group.edit.prompt, ids) }];
    }),
  }));
  const counted = scored.flatMap((group) => group.completions.map((completion) => completion.counted));
  const weights = tokenWeights(counted, plan.aggregation, plan.maxTokens)[Symbol.iterator]();
  const needsOld = plan.loss.surrogate.kind !== "on-policy";
  return scored
    .map(({ prompt, completions }) => ({
      prompt,
      completions: completions.map(({ ids, logprobs, advantage }): TrainingCompletion => ({
        ids,
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

/** The batch with log-probabilities under the reference policy, where the loss has a KL term; else the batch itself. */
export async function withReference(
  engine: PolicyEngine,
  batch: readonly TrainingGroup[],
  loss: LossSpec,
): Promise<readonly TrainingGroup[]> {
  if (loss.kl === undefined || batch.length === 0) return batch;
  const reference = await engine.logprobs(batch, "reference", loss.temperature);
  return batch.map(({ prompt, completions }, group) => ({
    prompt,
    completions: completions.map((completion, index) => ({
      ...completion,
      refLogprobs: reference[group]![index]!,
    })),
  }));
}
