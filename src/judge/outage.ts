/** When a judge's servers answer nobody any more: since when, what they say instead, and how that is told. */

import { formatDuration } from "../format.ts";
import { remedyFor, type Outcome } from "./attempt.ts";

export interface Outage {
  /** Since the first fault after the last answer. */
  readonly seconds: number;
  /** Requests that failed since. */
  readonly faults: number;
  /** What became of the last one, and where. */
  readonly reason: string;
}

/** Told at each further fault, and once with undefined when there is an answer again. */
export type OutageListener = (outage: Outage | undefined) => void;

/** Faults in a row from which it is an outage: single ones are normal. */
const LEAST_FAULTS = 5;
/** Between two lines about one outage. */
const SECONDS_A_LINE = 30;

export class OutageWatch {
  readonly #listener: OutageListener | undefined;
  #since = 0;
  #faults = 0;

  constructor(listener: OutageListener | undefined) {
    this.#listener = listener;
  }

  /** What a request came to that ended `now`, in seconds. */
  heard(outcome: Outcome<unknown>, endpoint: string, now: number): void {
    if (outcome.status === "answered" || remedyFor(outcome.status) !== "later") {
      if (this.#faults >= LEAST_FAULTS) this.#listener?.(undefined);
      this.#faults = 0;
      return;
    }
    if (this.#faults === 0) this.#since = now;
    this.#faults += 1;
    if (this.#faults < LEAST_FAULTS) return;
    const reason = `${outcome.reason} (${endpoint})`;
    this.#listener?.({ seconds: now - this.#since, faults: this.#faults, reason });
  }
}

/** A listener that says so in lines: at once, then now and then, and when it is over. `then` says what is done about it. */
export function outageLines(say: (line: string) => void, then: string): OutageListener {
  let toldAt: number | undefined;
  return (outage) => {
    if (outage === undefined) {
      if (toldAt !== undefined) say("The judge answers again.");
      toldAt = undefined;
      return;
    }
    const { seconds, faults, reason } = outage;
    if (toldAt !== undefined && seconds < toldAt + SECONDS_A_LINE) return;
    toldAt = seconds;
    const since = seconds < 1 ? "" : ` for ${formatDuration(seconds)}`;
    say(
      `The judge has answered nobody${since}: ${faults} requests failed, the last one with ${reason}. ${then}`,
    );
  };
}
