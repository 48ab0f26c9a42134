/** What a command of `earl judge` does about servers that answer nobody: it says so, and does not wait for ever. */

import { JudgeError } from "../errors.ts";
import { formatDuration } from "../format.ts";
import type { VieScoreSettings } from "../judge/viescore-judge.ts";
import { outageLines, type Outage, type OutageListener } from "../judge/outage.ts";

/** Somebody waits at the terminal: long enough for a server to be started again, not for one that stays away. */
const LONGEST_OUTAGE_SECONDS = 120;

export interface OutageGuard extends Disposable {
  readonly onOutage: OutageListener;
  /** Aborted with a JudgeError when an outage lasts too long, or as the other one is. */
  readonly signal: AbortSignal;
}

export function guardAgainstOutage(
  { totalSeconds, callSeconds }: Pick<VieScoreSettings, "totalSeconds" | "callSeconds">,
  {
    say,
    signal,
    hint,
  }: { readonly say: (line: string) => void; readonly signal: AbortSignal; readonly hint: string },
): OutageGuard {
  const limit = Math.min(totalSeconds, Math.max(LONGEST_OUTAGE_SECONDS, callSeconds));
  const stop = new AbortController();
  const listener = outageLines(say, `It is asked again now and then, for ${formatDuration(limit)} at most.`);
  let last: Outage | undefined;
  let timer: NodeJS.Timeout | undefined;
  const giveUp = (): void => {
    const what = last === undefined ? "" : ` The last request failed with ${last.reason}.`;
    stop.abort(
      new JudgeError(`The judge has answered nobody for ${formatDuration(limit)}.${what}`, { hint }),
    );
  };
  return {
    signal: AbortSignal.any([signal, stop.signal]),
    onOutage: (outage) => {
      listener(outage);
      last = outage;
      if (outage === undefined) {
        clearTimeout(timer);
        timer = undefined;
      } else timer ??= setTimeout(giveUp, 1000 * Math.max(0, limit - outage.seconds));
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
