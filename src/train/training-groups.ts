/** Scored groups as an engine trains on them: advantages, token weights, and the log-probabilities a loss compares with. */

import { tokenWeights, type Aggregation } from "../algorithms/aggregation.ts";
import { importanceWeights } from "../algorithms/importance.ts";
import type { LossSpec } from "../algorithms/losses.ts";
import { isOnPolicy, lossSpecOf, NAMED_LOSSES } from "../algorithms/named-losses.ts";
import type { PolicyEngine, TrainingCompletion, TrainingGroup } from "../engine/policy-engine.ts";
import type { ScoredCompletion, ScoredGroup } from "../rollout/scored-group.ts";
import { countedTokens } from "../tokens/constraints.ts";
import type { GrpoSettings } from "./grpo-settings.ts";

/** Completions that a group needs: an advantage is a comparison. */
export const LEAST_COMPARED = 2;

/** Ratios that are this near to right are clipped as right ones are: the tightest published limit is 3e-4. */
const SAME_NATS = 1e-4;

/** What the settings say of the loss. */
export interface LossPlan {
  readonly loss: LossSpec;
  readonly aggregation: Aggregation;
  readonly maxTokens: number;
  /** Largest importance weight; undefined: none are used. */
  readonly importanceCap: number | undefined;
}

export function lossPlan(settings: GrpoSettings): LossPlan {
  return {
    loss: lossSpecOf(settings.loss, settings),
    aggregation: NAMED_LOSSES[settings.loss.kind].aggregation,
    maxTokens: settings.maxTokens,
    importanceCap: settings.loss.importanceCap,
  };
}

/**
 * True where the trainer must say how likely a rollout was when it was written: its importance weights compare with that,
 * and so do ratios, unless the sampler says the same to this many nats a token.
 */
export function needsTrainer(
  settings: Pick<GrpoSettings, "loss" | "updatesPerRollout" | "lookAhead">,
  { agreement }: Pick<PolicyEngine, "agreement">,
): boolean {
  if (settings.loss.importanceCap !== undefined) return true;
  return !isOnPolicy(settings) && agreement.largest > SAME_NATS;
}

/**
 * The groups to train on; `advantages` has one entry a completion, undefined where its verdict failed: that one leaves
 * its group, and a group that has nothing left to compare leaves the batch. A group without any advantage to act on is
 * left out unless a KL term pulls at it; the weights are those of the whole rollout either way, so leaving it out saves
 * work and changes nothing.
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
        ...comparisons(completion, plan),
      })),
    }));
}

/** What a completion's log-probabilities under the weights that wrote it are needed for. */
function comparisons(
  { logprobs, trainerLogprobs = logprobs }: ScoredCompletion,
  { loss, importanceCap }: LossPlan,
): Pick<TrainingCompletion, "oldLogprobs" | "importance"> {
  return {
    ...(loss.surrogate.kind !== "on-policy" && { oldLogprobs: trainerLogprobs }),
    ...(importanceCap !== undefined && {
      importance: importanceWeights({ trainer: trainerLogprobs, sampler: logprobs }, importanceCap),
    }),
  };
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
