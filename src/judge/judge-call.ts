/** What one question to a judge came to: for metrics, events, and whoever wants to know why there is no score. */

import type { Attempt, Usage } from "./attempt.ts";

export interface JudgeCall {
  /** "sc", "pq", "question_2", … */
  readonly question: string;
  readonly kind: "answered" | "unparsable" | "unreachable";
  /** Answered from the store, or by the answer to an equal question that was on its way. */
  readonly isCached: boolean;
  /** From asking to the answer, waiting in line included. */
  readonly seconds: number;
  /** None where it is cached. */
  readonly attempts: readonly Attempt[];
  readonly usage: Usage;
  /** Why there is no answer. */
  readonly reason?: string;
}

/** Told about every call when it has ended. */
export type CallListener = (call: JudgeCall) => void;
