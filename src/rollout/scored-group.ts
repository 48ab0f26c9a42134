/** What a rollout gives: every completion of a prompt with its picture and the verdict on it. */

import type { Picture } from "../images/picture.ts";
import type { Verdict } from "../judge/verdict.ts";
import type { ReadIds } from "../tokens/constraints.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";

export interface ScoredCompletion extends ReadIds {
  /** As the sampler drew them; 0 at forced ids. [ids.length] */
  readonly logprobs: Float32Array;
  /** What the trainer computes for them from the same weights, where a loss needs it. [ids.length] */
  readonly trainerLogprobs?: Float32Array;
  readonly isFinished: boolean;
  /** Absent where nothing could be decoded: the verdict is then `undecodable` and says why. */
  readonly picture?: Picture;
  /** Of the picture. */
  readonly codes?: CodeGrid;
  readonly thought?: string;
  readonly verdict: Verdict;
  /** True where every code equals the target's. */
  readonly isExact: boolean;
}

export interface ScoredGroup {
  readonly edit: PreparedEdit;
  /** In order of their index within the group. */
  readonly completions: readonly ScoredCompletion[];
}

/** What the completion is trained on; undefined where the verdict failed, which is not 0. */
export function rewardOf({ verdict }: Pick<ScoredCompletion, "verdict">): number | undefined {
  return verdict.kind === "scored" ? verdict.score : undefined;
}

/** Rewards of each group, undefined where a verdict failed. */
export function rewardsOf(groups: readonly ScoredGroup[]): (number | undefined)[][] {
  return groups.map((group) => group.completions.map(rewardOf));
}
