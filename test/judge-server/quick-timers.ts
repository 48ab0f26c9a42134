/** Timers that run so many times faster than the clock on the wall, for waits that are minutes in earnest. */

import { systemTimers, type Timers } from "../../src/judge/timers.ts";

export function quickTimers(factor: number): Timers {
  return {
    now: () => systemTimers.now(),
    seconds: () => factor * systemTimers.seconds(),
    after: (milliseconds, callBack) => systemTimers.after(milliseconds / factor, callBack),
  };
}
