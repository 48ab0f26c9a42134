/** Asks a reward and holds it to its word: one verdict an edit, and scores within the range that it declares. */

import { JudgeError } from "../errors.ts";
import type { JudgeVerdict, ScoredVerdict } from "../judge/verdict.ts";
import { isScoreName } from "../runs/metrics.ts";
import type { DecodedEdit, Reward, ScoreOptions } from "./reward.ts";

/**
 * The reward's verdicts, one an edit. A score or subscore that cannot be logged and trained on comes back `unparsable`.
 * Without edits the reward is not asked. Throws JudgeError where verdicts are missing.
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
  return verdicts.map((verdict) => {
    const problem = verdict.kind === "scored" ? problemOf(reward, verdict) : undefined;
    if (problem === undefined) return verdict;
    return { kind: "unparsable", reason: `the reward "${reward.name}" gave ${problem}` };
  });
}

function problemOf({ range: [low, high] }: Reward, verdict: ScoredVerdict): string | undefined {
  const { score, subscores } = verdict;
  if (!Number.isFinite(score)) return `the score ${score}, which is no number to train on`;
  if (score < low || score > high) return `the score ${score}, outside its range of ${low} to ${high}`;
  const [name, value] = Object.entries(subscores).find((one) => !isLoggable(...one)) ?? [];
  return name === undefined ? undefined : `the subscore ${JSON.stringify(name)} of ${value}`;
}

function isLoggable(name: string, value: number): boolean {
  return isScoreName(name) && Number.isFinite(value);
}
