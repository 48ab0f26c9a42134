/** Waiting, as the judge's client does it; tests pass timers of another speed. */

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
    const wake = (): void => {
      signal.removeEventListener("abort", stop);
      resolve();
    };
    const stop = (): void => {
      cancel();
      reject(reasonOf(signal));
    };
    const cancel = timers.after(milliseconds, wake);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Why a signal aborted, as something to throw. */
export function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
