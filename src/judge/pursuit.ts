/** One question on its way to an answer: what was tried, what is left to try, and when it is over. */

import type { Rng } from "../random.ts";
import { NO_USAGE, remedyFor, type Attempt, type Outcome, type Usage } from "./attempt.ts";
import { backoffMs } from "./backoff.ts";
import type { ServerSettings } from "./judge-settings.ts";

export type Asked<Answer> = (
  | { readonly kind: "answered"; readonly answer: Answer }
  | { readonly kind: "unparsable" | "unreachable"; readonly reason: string }
) & {
  /** In order. */
  readonly attempts: readonly Attempt[];
  /** Tokens of all attempts. */
  readonly usage: Usage;
};

/** Where a request went and when, in seconds. */
export interface Sent {
  readonly endpoint: string;
  readonly begun: number;
  readonly ended: number;
}

export class Pursuit<Answer> {
  readonly #settings: ServerSettings;
  readonly #rng: Rng;
  readonly #attempts: Attempt[] = [];
  #usage = NO_USAGE;
  #retries = 0;
  #reasks = 0;
  /** Seconds; waiting in line is not the servers' delay, so it counts from the first request. */
  #deadline: number | undefined;

  constructor(settings: ServerSettings, rng: Rng) {
    this.#settings = settings;
    this.#rng = rng;
  }

  /** Replies that could not be read. */
  get reasks(): number {
    return this.#reasks;
  }

  /** How long the next request may take, in seconds; 0 or less where time is up. */
  secondsLeft(now: number): number {
    this.#deadline ??= now + this.#settings.totalSeconds;
    return Math.min(this.#settings.callSeconds, this.#deadline - now);
  }

  /** What follows from a request's outcome: the end, or another request after so many milliseconds. */
  next(
    outcome: Outcome<Answer>,
    sent: Sent,
  ): Asked<Answer> | { readonly kind: "again"; readonly waitMs: number } {
    this.#record(outcome, sent);
    if (outcome.status === "answered")
      return { kind: "answered", answer: outcome.answer, ...this.#history() };
    if (outcome.isConceded === true) return { kind: "again", waitMs: 0 };
    const reason = `${outcome.reason} (${sent.endpoint})`;
    const remedy = remedyFor(outcome.status);
    switch (remedy) {
      case "ask-again":
        this.#reasks += 1;
        return this.#reasks > this.#settings.reasks || this.#isOver(sent.ended)
          ? this.end("unparsable", reason)
          : { kind: "again", waitMs: 0 };
      case "later": {
        const waitMs = (outcome.retryAfterMs ?? 0) + backoffMs(this.#retries, this.#rng);
        this.#retries += 1;
        return this.#retries > this.#settings.retries || this.#isOver(sent.ended + waitMs / 1000)
          ? this.end("unreachable", reason)
          : { kind: "again", waitMs };
      }
      case "give-up":
        return this.end("unreachable", reason);
      default:
        return remedy satisfies never;
    }
  }

  /** The end without an answer. */
  end(kind: "unparsable" | "unreachable", reason: string): Asked<Answer> {
    return { kind, reason, ...this.#history() };
  }

  /** What the last request failed of, to be put behind a message; "" before the first one. */
  lastFault(): string {
    const reason = this.#attempts.at(-1)?.reason;
    return reason === undefined ? "" : `; last: ${reason}`;
  }

  #isOver(now: number): boolean {
    return this.#deadline !== undefined && now >= this.#deadline;
  }

  #history(): { readonly attempts: readonly Attempt[]; readonly usage: Usage } {
    return { attempts: this.#attempts, usage: this.#usage };
  }

  #record(outcome: Outcome<Answer>, { endpoint, begun, ended }: Sent): void {
    const { inputTokens, outputTokens } = outcome.usage ?? NO_USAGE;
    this.#usage = {
      inputTokens: this.#usage.inputTokens + inputTokens,
      outputTokens: this.#usage.outputTokens + outputTokens,
    };
    const base = { endpoint, status: outcome.status, seconds: ended - begun };
    if (outcome.status === "answered") this.#attempts.push(base);
    else {
      const { reason, http } = outcome;
      this.#attempts.push({ ...base, reason, ...(http !== undefined && { http }) });
    }
  }
}
