/** Scored groups as an engine trains on them: advantages, token weights, and the log-probabilities a loss compares with. */

import { tokenWeights, type Aggregation } from "../algorithms/aggregation.ts";
import type { LossSpec } from "../algorithms/losses.ts";
import { lossSpecOf, NAMED_LOSSES } from "../algorithms/named-losses.ts";
import type { PolicyEngine, TrainingCompletion, TrainingGroup } from "../engine/policy-engine.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import { countedTokens } from "../tokens/constraints.ts";
import type { GrpoSettings } from "./grpo-settings.ts";

/** Completions that a group needs: an advantage is a comparison. */
export const LEAST_COMPARED = 2;

/** What the settings say of the loss. */
export interface LossPlan {
  readonly loss: LossSpec;
  readonly aggregation: Aggregation;
  readonly maxTokens: number;
}

export function lossPlan(settings: GrpoSettings): LossPlan {
  return {
    loss: lossSpecOf(settings.loss, settings),
    aggregation: NAMED_LOSSES[settings.loss.kind].aggregation,
    maxTokens: settings.maxTokens,
  };
}

/**
 * The groups to train on; `advantages` has one entry a completion, undefined where its verdict failed: that one leaves
 * its group, and a group that has nothing left to compare leaves the batch. A group without any advantage to act on is left out unless a KL term pulls at it; the weights are those of
 * the whole rollout either way, so leaving it out saves work and changes nothing.
 */
export function trainingGroups(
  groups: readonly ScoredGroup[],
  advantages: readonly (readonly (number | undefined)[])[],
  plan: LossPlan,
): TrainingGroup[] {
  const scored = groups
    .map(({ edit, completions }, group) => ({
      prompt: edit.prompt,
      completions: completions.flatMap((completion, index) => {
        const advantage = advantages[group]![index];
        return advantage === undefined ? [] : [{ ...completion, advantage }];
      }),
    }))
    .filter(({ completions }) => completions.length >= LEAST_COMPARED);
  const everyCompletion = scored.flatMap(({ completions }) => completions);
  const masks = everyCompletion.map(({ constraints }) => countedTokens(constraints));
  const weights = new Map(
    tokenWeights(masks, plan.aggregation, plan.maxTokens).map((weight, at) => [everyCompletion[at]!, weight]),
  );
  const needsOld = plan.loss.surrogate.kind !== "on-policy";
  return scored
    .filter(
      ({ completions }) => plan.loss.kl !== undefined || completions.some(({ advantage }) => advantage !== 0),
    )
    .map(({ prompt, completions }) => ({
      prompt,
      completions: completions.map((completion): TrainingCompletion => ({
        ids: completion.ids,
        constraints: completion.constraints,
        advantage: completion.advantage,
        weights: weights.get(completion)!,
        ...(needsOld ? { oldLogprobs: completion.logprobs } : {}),
      })),
    }));
}

/** The batch with log-probabilities under the reference policy, where the loss has a KL term; else the batch itself. */
export async function withReference(
  engine: Pick<PolicyEngine, "logprobs">,
  batch: readonly TrainingGroup[],
  loss: LossSpec,
): Promise<readonly TrainingGroup[]> {
  if (loss.kl === undefined || batch.length === 0) return batch;
  const { logprobs } = await engine.logprobs(batch, "reference", loss.temperature);
  return batch.map(({ prompt, completions }, group) => ({
    prompt,
    completions: completions.map((completion, index) => ({
      ...completion,
      refLogprobs: logprobs[group]![index]!,
    })),
  }));
}
