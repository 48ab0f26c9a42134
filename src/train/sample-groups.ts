/**
 * The rollout of one training step. Groups whose rewards are all equal teach nothing; on request they are replaced by
 * groups of other prompts, a bounded number of times (DAPO's dynamic sampling, Yu et al. 2025, section 3.2).
 */

import { isZeroVariance } from "../algorithms/advantages.ts";
import type { Sampling } from "../engine/policy-engine.ts";
import { Rng } from "../random.ts";
import type { PreparedEdits } from "../edits/prepared-edit.ts";
import { rollout, type RolloutParts } from "../rollout/rollout.ts";
import { rewardOf, type ScoredGroup } from "../rollout/scored-group.ts";

export interface GroupSource {
  readonly parts: RolloutParts;
  readonly train: PreparedEdits;
  /** Numbers of the examples a step starts with. */
  readonly batchOf: (step: number) => number[];
  readonly sampling: Sampling;
  /** Rounds of replacement at most. */
  readonly resample: number;
  readonly seed: number;
}

export interface SampledGroups {
  /** As first drawn: what metrics are taken of, since the replaced ones are a choice. */
  readonly drawn: readonly ScoredGroup[];
  /** What is trained on. */
  readonly groups: readonly ScoredGroup[];
  /** Groups that were drawn to replace others. */
  readonly resampled: number;
  /** Operations of all of them. */
  readonly flops: number;
}

/** Samples and scores the groups of a step, counted from 0. Everything drawn follows from seed and step. */
export async function sampleGroups(source: GroupSource, step: number): Promise<SampledGroups> {
  const drawn = await draw(source, source.batchOf(step), [step, 0]);
  const groups = [...drawn];
  let resampled = 0;
  let flops = flopsOf(drawn);
  for (let round = 1; round <= source.resample; round += 1) {
    const dull = groups.flatMap((group, index) => (isDull(group) ? [index] : []));
    if (dull.length === 0) break;
    const rng = Rng.from(source.seed, "grpo/resample", step, round);
    const fresh = await draw(
      source,
      dull.map(() => rng.integer(source.train.count)),
      [step, round],
    );
    for (const [at, index] of dull.entries()) groups[index] = fresh[at]!;
    resampled += dull.length;
    flops += flopsOf(fresh);
  }
  return { drawn, groups, resampled, flops };
}

function flopsOf(groups: readonly ScoredGroup[]): number {
  return groups.reduce((sum, group) => sum + group.flops, 0);
}

async function draw(
  source: GroupSource,
  indices: readonly number[],
  labels: readonly number[],
): Promise<ScoredGroup[]> {
  const seed = Rng.from(source.seed, "grpo/rollout", ...labels).word();
  const edits = await source.train.take(indices);
  return rollout(source.parts, { edits, sampling: source.sampling, seed });
}

function isDull(group: ScoredGroup): boolean {
  return isZeroVariance(group.completions.map(rewardOf));
}
