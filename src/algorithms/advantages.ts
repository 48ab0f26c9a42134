/**
 * Group-relative advantages: how much better each completion scored than the other completions of its prompt. The
 * baseline is the group's mean, so no value network is trained. A completion whose verdict failed has no reward; it
 * leaves its group and gets no advantage.
 */

import { mean, std } from "./statistics.ts";

/**
 * What a centred reward is divided by: the group's standard deviation of either kind, nothing (Dr. GRPO, Liu et al.
 * 2025, section 3.2), or the standard deviation of the whole batch, so that a group of near-ties is not blown up (Liu et
 * al. 2025, "Tricks or Traps"; TRL's `scale_rewards="batch"`, which takes the sample kind).
 */
export type AdvantageScale = "population" | "sample" | "none" | "batch";

/** Added to the divisor, as EARL and TRL do, so that a tiny spread does not become a full-size gradient. */
export const ADVANTAGE_EPSILON = 1e-4;

/** Rewards of one group; undefined where the verdict failed. */
export type GroupRewards = readonly (number | undefined)[];

/** The rewards of a group that were scored, in order. */
export function scoredRewards(group: GroupRewards): number[] {
  return group.filter((reward) => reward !== undefined);
}

/** True where a group teaches nothing: fewer than two scored completions, or all with the same reward. */
export function isZeroVariance(group: GroupRewards): boolean {
  const scored = scoredRewards(group);
  return scored.every((reward) => reward === scored[0]);
}

/**
 * Advantages of a batch of groups, A = (r − mean) / (std + 1e-4) (Shao et al. 2024, "DeepSeekMath", section 4.1.2;
 * the epsilon is EARL's and TRL's). Undefined rewards give undefined advantages; a group without variance, or with
 * fewer than two scored completions, gives exact zeros.
 *
 * @example
 * groupAdvantages([[1, 0, undefined]], "none"); // => [[0.5, -0.5, undefined]]
 */
export function groupAdvantages(
  groups: readonly GroupRewards[],
  scale: AdvantageScale,
): (number | undefined)[][] {
  const everyReward = groups.flatMap(scoredRewards);
  const batchStd = scale === "batch" && everyReward.length > 0 ? std(everyReward, "sample") : 0;
  return groups.map((group) => {
    if (isZeroVariance(group)) return group.map((reward) => (reward === undefined ? undefined : 0));
    const scored = scoredRewards(group);
    const centre = mean(scored);
    const divisor = divisorOf(scored, scale, batchStd);
    return group.map((reward) => (reward === undefined ? undefined : (reward - centre) / divisor));
  });
}

function divisorOf(scored: readonly number[], scale: AdvantageScale, batchStd: number): number {
  switch (scale) {
    case "none":
      return 1;
    case "batch":
      return batchStd + ADVANTAGE_EPSILON;
    case "population":
    case "sample":
      return std(scored, scale) + ADVANTAGE_EPSILON;
    default:
      return scale satisfies never;
  }
}
