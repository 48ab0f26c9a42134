/**
 * What is known of one completion's picture. A judge that failed is not a judge that said zero, and a completion that
 * holds no picture is not a judge that failed: only the rollout, which decodes, says `undecodable`.
 */

export interface ScoredVerdict {
  readonly kind: "scored";
  /** In the range that the reward declares. */
  readonly score: number;
  /** What the score was made of, by name. */
  readonly subscores: Readonly<Record<string, number>>;
  readonly reasoning?: string;
}

/** The judge's fault: its reply could not be read, or it gave none; `reason` says how. */
export interface FailedVerdict {
  readonly kind: "unparsable" | "unreachable";
  readonly reason: string;
}

/** What a judge, and so a reward, may say about one decoded edit. */
export type JudgeVerdict = ScoredVerdict | FailedVerdict;

/** `undecodable` is the policy's fault: what it wrote is no picture, and no judge was asked. */
export type Verdict = JudgeVerdict | { readonly kind: "undecodable"; readonly reason: string };

/** True where the judge was asked and gave no score. */
export function isJudgeFault(verdict: Verdict): verdict is FailedVerdict {
  return verdict.kind === "unparsable" || verdict.kind === "unreachable";
}
