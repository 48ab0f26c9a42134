/** Measures that any benchmark can take. */

import { bootstrapInterval, wilsonInterval } from "../algorithms/statistics.ts";
import { Rng } from "../random.ts";
import type { Reward } from "../rewards/reward.ts";
import { rewardOf } from "../rollout/scored-group.ts";
import type { Measure } from "./benchmark.ts";

/** The mean reward of scored edits, with a bootstrap interval. */
export function rewardMeasure({ range }: Pick<Reward, "range">): Measure {
  return {
    name: "reward",
    label: "reward",
    unit: "score",
    // JSON has no number for a range without an end.
    ...(range.every(Number.isFinite) && { range }),
    of: rewardOf,
    estimate: (values) => bootstrapInterval(values, Rng.from(0, "arms/bootstrap")),
  };
}

/** The share of edits that equal their target in every code, with Wilson's interval. A failed edit is no match. */
export const EXACT_MATCH: Measure = {
  name: "exact_match",
  label: "exact match",
  unit: "share",
  range: [0, 1],
  of: ({ isExact }) => (isExact === undefined ? undefined : Number(isExact)),
  estimate: (values) => wilsonInterval(values.filter((value) => value === 1).length, values.length),
};
