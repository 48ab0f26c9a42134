/** Waiting, as the judge's client does it; tests pass timers of another speed. */

import { onAbort, reasonOf } from "./abort.ts";
import { systemClock, type Clock } from "../runs/clock.ts";

export interface Timers extends Clock {
  /** Calls back after so many milliseconds, unless the returned function was called before. */
  after(milliseconds: number, callBack: () => void): () => void;
}

/** Node's timers fire at once beyond this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemTimers: Timers = {
  ...systemClock,
  after: (milliseconds, callBack) => {
    const timer = setTimeout(callBack, Math.min(milliseconds, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Resolves after so many milliseconds; rejects with the signal's reason as soon as that aborts. */
export function sleep(timers: Timers, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(reasonOf(signal));
    const cancel = timers.after(milliseconds, () => {
      forget();
      resolve();
    });
    const forget = onAbort(signal, () => {
      cancel();
      reject(reasonOf(signal));
    });
  });
}
