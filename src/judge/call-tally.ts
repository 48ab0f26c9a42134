/** Many calls to a judge in a few figures: for a step's metrics, for `earl judge`. */

import { quantile } from "../algorithms/statistics.ts";
import type { AttemptStatus, Usage } from "./attempt.ts";
import type { JudgeCall } from "./judge-call.ts";

/** Of a million tokens, in any currency. */
export interface Prices {
  readonly input: number;
  readonly output: number;
}

export interface CallTally {
  readonly calls: number;
  readonly cached: number;
  readonly unparsable: number;
  readonly unreachable: number;
  /** Requests by what became of them; cached calls send none. */
  readonly attempts: Readonly<Partial<Record<AttemptStatus, number>>>;
  /** Seconds from asking to the answer, of calls that were answered by a server; undefined where none was. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  readonly usage: Usage;
  readonly cost: number;
  /** The first reason of each kind of failure. */
  readonly reasons: Readonly<Partial<Record<"unparsable" | "unreachable", string>>>;
}

const A_MILLION = 1_000_000;

export function tallyCalls(calls: readonly JudgeCall[], prices: Prices = { input: 0, output: 0 }): CallTally {
  const attempts: Partial<Record<AttemptStatus, number>> = {};
  const usage = { inputTokens: 0, outputTokens: 0 };
  for (const call of calls) {
    for (const { status } of call.attempts) attempts[status] = (attempts[status] ?? 0) + 1;
    usage.inputTokens += call.usage.inputTokens;
    usage.outputTokens += call.usage.outputTokens;
  }
  const seconds = calls
    .filter((call) => call.kind === "answered" && !call.isCached)
    .map((call) => call.seconds);
  const reasons = Object.fromEntries(
    calls.toReversed().flatMap(({ kind, reason }) => (reason === undefined ? [] : [[kind, reason] as const])),
  );
  return {
    calls: calls.length,
    cached: calls.filter(({ isCached }) => isCached).length,
    unparsable: calls.filter(({ kind }) => kind === "unparsable").length,
    unreachable: calls.filter(({ kind }) => kind === "unreachable").length,
    attempts,
    latency:
      seconds.length === 0
        ? undefined
        : { p50: quantile(seconds, 0.5), p95: quantile(seconds, 0.95), p99: quantile(seconds, 0.99) },
    usage,
    cost: (usage.inputTokens * prices.input + usage.outputTokens * prices.output) / A_MILLION,
    reasons,
  };
}
