/**
 * What a table compares: arms (a checkpoint, or the source copied unchanged) on the same held-out edits, per kind of
 * edit and over all, each mean with a 95 % interval.
 */

import { bootstrapInterval, wilsonInterval } from "../algorithms/statistics.ts";
import { DataError } from "../errors.ts";
import { Rng } from "../random.ts";
import type { Reward } from "../rewards/reward.ts";
import { askReward } from "../rewards/ask-reward.ts";
import { decodedEdit, isTarget } from "../rollout/score-group.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { rewardOf, type ScoredGroup } from "../rollout/scored-group.ts";
import type { ArmResult } from "../runs/event.ts";

/** One edit of an arm, scored. */
export interface ArmEdit {
  readonly id: string;
  readonly task: string;
  /** Undefined where the verdict failed. */
  readonly reward: number | undefined;
  readonly isExact: boolean;
}

/** What a policy did, one row a completion. */
export function armEdits(groups: readonly ScoredGroup[]): ArmEdit[] {
  return groups.flatMap(({ edit, completions }) =>
    completions.map((completion) => ({
      id: edit.id,
      task: edit.task,
      reward: rewardOf(completion),
      isExact: completion.isExact,
    })),
  );
}

/** The arm "source copied": what doing nothing scores. */
export async function copiedSource(edits: readonly PreparedEdit[], reward: Reward): Promise<ArmEdit[]> {
  const { signal } = new AbortController();
  const copies = edits.map((edit) => decodedEdit(edit, edit.source));
  const verdicts = await askReward(reward, copies, { signal });
  return edits.map((edit, index) => {
    const verdict = verdicts[index];
    return {
      id: edit.id,
      task: edit.task,
      reward: verdict?.kind === "scored" ? verdict.score : undefined,
      isExact: isTarget(edit, edit.sourceCodes),
    };
  });
}

/**
 * The rows of an arm: "all" first, then each kind of edit by name. The reward's mean is over scored edits, with a
 * bootstrap interval; exact match is over all edits, a failed one being no match, with Wilson's. A kind without any
 * scored edit has no row. Throws DataError where no edit at all was scored.
 */
export function armResults(arm: string, decoding: string, edits: readonly ArmEdit[]): ArmResult[] {
  const tasks = [...new Set(edits.map((edit) => edit.task))].toSorted();
  const rows = [
    { task: "all", own: edits },
    ...tasks.map((task) => ({ task, own: edits.filter((edit) => edit.task === task) })),
  ].flatMap(({ task, own }) => {
    const rewards = own.flatMap((edit) => (edit.reward === undefined ? [] : [edit.reward]));
    if (rewards.length === 0) return [];
    return [
      {
        arm,
        decoding,
        task,
        count: own.length,
        reward: bootstrapInterval(rewards, Rng.from(0, "arms/bootstrap")),
        exactMatch: wilsonInterval(own.filter((edit) => edit.isExact).length, own.length),
        failed: own.length - rewards.length,
      },
    ];
  });
  if (rows.length === 0) {
    throw new DataError(`None of the ${edits.length} edits of the arm "${arm}" could be scored.`, {
      hint: "Check that the edits have target pictures, and that the policy writes pictures within maxTokens.",
    });
  }
  return rows;
}
