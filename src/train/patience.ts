/** Waiting for a judge that has gone away. */

import { setTimeout as delay } from "node:timers/promises";

import { JudgeError } from "../errors.ts";

/**
 * What `ask` gives. Where it throws an outage of the judge, the stage saves, waits, and tries `again` until that gives
 * something or its patience is over.
 */
export type Patiently = <Result>(
  ask: () => Result | Promise<Result>,
  again: () => Promise<Result>,
) => Promise<Result>;

/** Seconds between two tries: they double from the first to the longest. */
const FIRST_WAIT = 5;
const LONGEST_WAIT = 60;

/**
 * What `again` gives when it stops throwing a JudgeError. Rethrows the last of these, at first `fault`, when `seconds` are
 * over; any other error, and the signal's reason, at once.
 */
export async function waitOut<Result>(
  fault: JudgeError,
  again: () => Promise<Result>,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal },
): Promise<Result> {
  let latest = fault;
  for (let waited = 0, wait = Math.min(FIRST_WAIT, seconds / 8); waited < seconds; wait *= 2) {
    const pause = Math.min(wait, LONGEST_WAIT, seconds - waited);
    await delay(1000 * pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    waited += pause;
    try {
      return await again();
    } catch (cause) {
      if (!(cause instanceof JudgeError)) throw cause;
      latest = cause;
    }
  }
  throw latest;
}
