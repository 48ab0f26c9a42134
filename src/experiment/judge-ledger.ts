/** What judges were asked since somebody last looked: requests, tokens, money and time, as metrics of a step. */

import type { JudgeCall } from "../judge/judge-call.ts";
import { tallyCalls, type Prices } from "../judge/call-tally.ts";
import type { Metrics } from "../runs/metrics.ts";

const FREE: Prices = { input: 0, output: 0 };

export class JudgeLedger {
  readonly #prices: ReadonlyMap<string, Prices>;
  #calls: { readonly reward: string; readonly call: JudgeCall }[] = [];

  /** `prices` of a million tokens, by the reward that asks. */
  constructor(prices: ReadonlyMap<string, Prices>) {
    this.#prices = prices;
  }

  add(reward: string, call: JudgeCall): void {
    this.#calls.push({ reward, call });
  }

  /** Figures of all calls since the last time; none where nobody was asked. */
  take(): Metrics {
    const calls = this.#calls;
    this.#calls = [];
    if (calls.length === 0) return {};
    const { latency, usage, attempts, cached } = tallyCalls(calls.map(({ call }) => call));
    const sent = Object.values(attempts).reduce((sum, count) => sum + count, 0);
    const cost = calls.reduce(
      (sum, { reward, call }) => sum + tallyCalls([call], this.#prices.get(reward) ?? FREE).cost,
      0,
    );
    return {
      "judge/calls/asked": calls.length,
      "judge/calls/cached": cached,
      "judge/calls/requests": sent,
      "judge/calls/input_tokens": usage.inputTokens,
      "judge/calls/output_tokens": usage.outputTokens,
      ...(this.#prices.size > 0 && { "judge/calls/cost": cost }),
      ...(latency !== undefined && {
        "time/judge_p50": latency.p50,
        "time/judge_p95": latency.p95,
        "time/judge_p99": latency.p99,
      }),
    };
  }
}

/** Prices that the config states, by the name of the reward they belong to, parts of sums and products included. */
export function pricesOf(choices: readonly unknown[]): Map<string, Prices> {
  const prices = new Map<string, Prices>();
  for (const choice of choices as readonly Readonly<Record<string, unknown>>[]) {
    const own = choice["prices"] as Prices | undefined;
    if (own !== undefined && own.input + own.output > 0) {
      prices.set((choice["name"] ?? choice["kind"]) as string, own);
    }
    if (Array.isArray(choice["parts"])) {
      for (const [name, price] of pricesOf(choice["parts"])) prices.set(name, price);
    }
  }
  return prices;
}
