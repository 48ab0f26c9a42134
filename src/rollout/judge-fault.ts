/**
 * When a judge fails too often to go on. Rollouts and evaluations are held to one limit: scores that are left after an
 * outage are a choice that the outage made, so nothing is trained on them and no checkpoint is chosen by them.
 */

import { JudgeError } from "../errors.ts";
import { isJudgeFault, type FailedVerdict } from "../judge/verdict.ts";
import { failedVerdictShare, type JudgedGroup } from "./rollout-metrics.ts";

/**
 * The error that pauses a run whose judge fails too often, or undefined. `limit` is a share of the verdicts that were
 * asked for; completions without a picture are the policy's fault and do not count.
 */
export function judgeFault(groups: readonly JudgedGroup[], limit: number): JudgeError | undefined {
  const share = failedVerdictShare(groups);
  if (share <= limit) return undefined;
  const failed = groups
    .flatMap(({ completions }) => completions.map(({ verdict }) => verdict))
    .filter(isJudgeFault);
  return new JudgeError(
    `${percent(share)} of the judge's verdicts failed (limit ${percent(limit)}): ${countsByKind(failed)}. First: ${failed[0]?.reason}`,
    {
      hint: "Check the judge, then continue the run with --resume; these verdicts were used for nothing.",
      isOutage: failed.some(({ kind }) => kind === "unreachable"),
    },
  );
}

/** "3 unparsable, 41 unreachable". */
function countsByKind(failed: readonly FailedVerdict[]): string {
  return (["unparsable", "unreachable"] as const)
    .map((kind) => ({ kind, count: failed.filter((verdict) => verdict.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`)
    .join(", ");
}

function percent(share: number): string {
  return `${Math.round(1000 * share) / 10} %`;
}
