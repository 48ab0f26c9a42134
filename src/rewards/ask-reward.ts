/** Asks a reward and holds it to its word: one verdict an edit, and scores within the range that it declares. */

import { JudgeError } from "../errors.ts";
import type { JudgeVerdict } from "../judge/verdict.ts";
import type { DecodedEdit, Reward, ScoreOptions } from "./reward.ts";

/**
 * The reward's verdicts, one an edit. A score that is not a number within the range comes back `unparsable`: it would
 * be trained on. Without edits the reward is not asked. Throws JudgeError where verdicts are missing.
 */
export async function askReward(
  reward: Reward,
  edits: readonly DecodedEdit[],
  options: ScoreOptions,
): Promise<JudgeVerdict[]> {
  if (edits.length === 0) return [];
  const verdicts = await reward.score(edits, options);
  if (verdicts.length !== edits.length) {
    throw new JudgeError(
      `The reward "${reward.name}" gave ${verdicts.length} verdicts for ${edits.length} edits.`,
      { hint: "A reward returns one verdict an edit, in order; repair its score function." },
    );
  }
  return verdicts.map((verdict) => within(reward, verdict));
}

function within({ name, range: [low, high] }: Reward, verdict: JudgeVerdict): JudgeVerdict {
  if (verdict.kind !== "scored" || (verdict.score >= low && verdict.score <= high)) return verdict;
  return {
    kind: "unparsable",
    reason: `the reward "${name}" gave the score ${verdict.score}, outside its range of ${low} to ${high}`,
  };
}
