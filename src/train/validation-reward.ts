/** The reward on held-out edits, by which a GRPO stage chooses its best checkpoint and notices a plateau. */

import { evaluatePolicy } from "../evaluate/evaluate-policy.ts";
import { validationOf, type Validation } from "../evaluate/validation.ts";
import { firstEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";
import type { RolloutParts } from "../rollout/rollout.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import type { StageEvaluation } from "./stage.ts";

/**
 * Samples one completion an edit at temperature 1, with the same draws every time, so that two evaluations differ by the
 * policy alone. Throws JudgeError where too many verdicts failed: what is left of the edits would be another measure.
 */
export async function validationReward(
  world: RolloutParts & { readonly validation: PreparedEdits },
  settings: GrpoSettings,
  { seed, signal }: { readonly seed: number; readonly signal: AbortSignal },
): Promise<Validation & Pick<StageEvaluation, "shown">> {
  const edits = await firstEdits(world.validation, settings.validationSize);
  const groups = await evaluatePolicy(world, edits, {
    temperature: 1,
    maxTokens: settings.maxTokens,
    seed: Rng.from(seed, "grpo/evaluation").word(),
    signal,
  });
  const validation = validationOf(groups, world.reward.name, settings.maxFailedVerdicts);
  return { ...validation, shown: groups.slice(0, settings.showHeldOut) };
}
