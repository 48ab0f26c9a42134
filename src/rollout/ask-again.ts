/** A second chance for completions whose verdict failed: the pictures are there, only the judge was not. */

import { isJudgeFault } from "../judge/verdict.ts";
import { askReward } from "../rewards/ask-reward.ts";
import type { Reward } from "../rewards/reward.ts";
import { decodedEdit } from "./score-group.ts";
import type { ScoredGroup } from "./scored-group.ts";

/** The groups with a new verdict wherever the judge had failed; what was scored, or could not be decoded, stays. */
export async function askAgain(
  reward: Reward,
  groups: readonly ScoredGroup[],
  signal: AbortSignal,
): Promise<ScoredGroup[]> {
  const failed = groups.flatMap(({ edit, completions }) =>
    completions.flatMap((completion) =>
      isJudgeFault(completion.verdict) && completion.picture !== undefined
        ? [{ completion, asked: decodedEdit(edit, completion.picture) }]
        : [],
    ),
  );
  const verdicts = await askReward(
    reward,
    failed.map(({ asked }) => asked),
    { signal },
  );
  const answers = new Map(failed.map(({ completion }, index) => [completion, verdicts[index]!]));
  return groups.map((group) => ({
    ...group,
    completions: group.completions.map((completion) => {
      const verdict = answers.get(completion);
      return verdict === undefined ? completion : { ...completion, verdict };
    }),
  }));
}
