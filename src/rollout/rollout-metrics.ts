/** The figures of one rollout, under TRL's names where TRL has one (runs/metrics.ts says what each means). */

import { isZeroVariance, scoredRewards } from "../algorithms/advantages.ts";
import { mean, std } from "../algorithms/statistics.ts";
import { isJudgeFault, type Verdict } from "../judge/verdict.ts";
import type { Metrics } from "../runs/metrics.ts";
import { namedScores } from "../rewards/named-scores.ts";
import { rewardsOf, type ScoredGroup } from "./scored-group.ts";

/** Completions as far as their verdicts go. */
export interface JudgedGroup {
  readonly completions: readonly { readonly verdict: Verdict }[];
}

/** Share of the verdicts that a judge was asked for and that failed. 0…1; completions without a picture are not asked about. */
export function failedVerdictShare(groups: readonly JudgedGroup[]): number {
  const verdicts = groups.flatMap((group) => group.completions).map(({ verdict }) => verdict);
  const asked = verdicts.filter((verdict) => verdict.kind !== "undecodable");
  return shareOf(asked, isJudgeFault);
}

/** Metrics of the groups; means of rewards are left out where nothing was scored. */
export function rolloutMetrics(groups: readonly ScoredGroup[], rewardName: string): Metrics {
  const completions = groups.flatMap((group) => group.completions);
  const lengths = completions.map((one) => one.ids.length);
  return {
    ...rewardMetrics(groups, rewardName),
    exact_match: shareOf(completions, (one) => one.isExact),
    "completions/mean_length": mean(lengths),
    "completions/min_length": lengths.reduce((least, length) => Math.min(least, length), Infinity),
    "completions/max_length": lengths.reduce((most, length) => Math.max(most, length), -Infinity),
    "completions/clipped_ratio": shareOf(completions, (one) => !one.isFinished),
    "completions/undecodable": shareOf(completions, ({ verdict }) => verdict.kind === "undecodable"),
    "judge/unparsable": shareOf(completions, ({ verdict }) => verdict.kind === "unparsable"),
    "judge/unreachable": shareOf(completions, ({ verdict }) => verdict.kind === "unreachable"),
  };
}

function rewardMetrics(groups: readonly ScoredGroup[], rewardName: string): Metrics {
  const rewards = rewardsOf(groups);
  const scored = rewards.map(scoredRewards).filter((group) => group.length > 0);
  const all = scored.flat();
  const zeroStd = { frac_reward_zero_std: shareOf(rewards, isZeroVariance) };
  if (all.length === 0) return zeroStd;
  return {
    reward: mean(all),
    reward_std: mean(scored.map((group) => std(group, "sample"))),
    ...zeroStd,
    ...scoreMetrics(groups, rewardName),
  };
}

/** Mean and standard deviation of every score, under the reward's own name and those of its subscores. */
function scoreMetrics(groups: readonly ScoredGroup[], rewardName: string): Metrics {
  const scores = new Map<string, number[]>();
  for (const { verdict } of groups.flatMap((group) => group.completions)) {
    if (verdict.kind !== "scored") continue;
    for (const [name, score] of namedScores(rewardName, verdict)) {
      const values = scores.get(name) ?? [];
      values.push(score);
      scores.set(name, values);
    }
  }
  const metrics: Metrics = {};
  for (const [name, values] of scores) {
    metrics[`rewards/${name}/mean`] = mean(values);
    metrics[`rewards/${name}/std`] = std(values, "sample");
  }
  return metrics;
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.length === 0 ? 0 : items.filter(holds).length / items.length;
}
