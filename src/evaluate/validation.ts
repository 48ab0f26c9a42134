/** What an evaluation between training steps says: the score that chooses the best checkpoint, and its metrics. */

import { failedVerdictShare, rolloutMetrics } from "../rollout/rollout-metrics.ts";
import { judgeFault } from "../rollout/judge-fault.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { Metrics } from "../runs/metrics.ts";

export interface Validation {
  /** Mean reward; NaN where nothing could be scored, which is no improvement on anything. */
  readonly score: number;
  readonly metrics: Metrics;
}

/**
 * Figures of the evaluated groups. Throws JudgeError where more than `maxFailed` of the verdicts failed: an outage
 * chooses no best checkpoint, and is no plateau.
 */
export function validationOf(groups: readonly ScoredGroup[], reward: string, maxFailed: number): Validation {
  const fault = judgeFault(groups, maxFailed);
  if (fault !== undefined) throw fault;
  const { reward: mean, exact_match } = rolloutMetrics(groups, reward);
  return {
    score: mean ?? Number.NaN,
    metrics: {
      ...(mean !== undefined && { "eval/reward": mean }),
      ...(exact_match !== undefined && { "eval/exact_match": exact_match }),
      "eval/failed": failedVerdictShare(groups),
    },
  };
}
