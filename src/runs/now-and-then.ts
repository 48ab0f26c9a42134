/** What is said so often that saying it less often says the same. */

import type { Clock } from "./clock.ts";

const INTERVAL_SECONDS = 0.25;

/** Calls `say` at the first call, and then no more than four times a second: what comes in between is left out. */
export function nowAndThen<Said extends unknown[]>(
  clock: Clock,
  say: (...said: Said) => void,
): (...said: Said) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (...said) => {
    const now = clock.seconds();
    if (now - last < INTERVAL_SECONDS) return;
    last = now;
    say(...said);
  };
}
