/** The reward on held-out edits, by which a GRPO stage chooses its best checkpoint and notices a plateau. */

import { evaluatePolicy } from "../evaluate/evaluate-policy.ts";
import { validationOf, type Validation } from "../evaluate/validation.ts";
import { firstEdits, spacedEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { RolloutParts } from "../rollout/rollout.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import type { StageEvaluation } from "./stage.ts";

/** Edits of a benchmark that an evaluation scores beside the validation edits. */
export interface EditSlice {
  /** The benchmark's. */
  readonly name: string;
  readonly edits: PreparedEdits;
  /** How many are scored. */
  readonly size: number;
}

/**
 * Samples one completion an edit at temperature 1, with the same draws every time, so that two evaluations differ by the
 * policy alone. Where there is a slice of a benchmark, its reward is the score. Throws JudgeError where too many verdicts failed: what is left of the edits would be another measure.
 */
export async function validationReward(
  world: RolloutParts & { readonly validation: PreparedEdits; readonly slice?: EditSlice },
  settings: GrpoSettings,
  { seed, signal }: { readonly seed: number; readonly signal: AbortSignal },
): Promise<Validation & Pick<StageEvaluation, "shown">> {
  const { slice, reward } = world;
  const { maxTokens, maxFailedVerdicts: most } = settings;
  const written = async (
    edits: readonly PreparedEdit[],
    purpose: string,
    keepPictures: number,
  ): Promise<ScoredGroup[]> =>
    evaluatePolicy(world, edits, {
      temperature: 1,
      maxTokens,
      seed: Rng.from(seed, purpose).word(),
      signal,
      keepPictures,
    });
  const edits = await firstEdits(world.validation, settings.validationSize);
  const groups = await written(edits, "grpo/evaluation", settings.showHeldOut);
  const validation = {
    ...validationOf(groups, reward.name, most),
    shown: groups.slice(0, settings.showHeldOut),
  };
  if (slice === undefined) return validation;
  const sliced = await written(await spacedEdits(slice.edits, slice.size), "grpo/evaluation/slice", 0);
  const { score, metrics } = validationOf(sliced, reward.name, most);
  return {
    ...validation,
    score,
    metrics: {
      ...validation.metrics,
      ...(Number.isFinite(score) && { "eval/slice_reward": score }),
      "eval/slice_failed": metrics["eval/failed"] ?? 0,
    },
  };
}
