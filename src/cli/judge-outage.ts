/** What a command of `earl judge` does about servers that answer nobody: it says so, and does not wait for ever. */

import { JudgeError } from "../errors.ts";
import { formatDuration } from "../format.ts";
import type { CallListener } from "../judge/judge-call.ts";
import type { VieScoreSettings } from "../judge/viescore-judge.ts";
import { outageLines, type Outage, type OutageListener } from "../judge/outage.ts";
import { serverRemedy } from "./judge-remedy.ts";

/** Somebody waits at the terminal: long enough for a server to be started again, not for one that stays away. */
const LONGEST_OUTAGE_SECONDS = 120;

/** Refusals from the first call on after which nobody goes on asking. */
const MOST_REFUSED = 5;
/** Where a key, an address or a model is wrong. */
const REFUSALS: readonly (number | undefined)[] = [401, 403, 404];

export interface OutageGuard extends Disposable {
  readonly onOutage: OutageListener;
  /** Hears every call: where the first ones are refused for what they all have in common, the rest would be. */
  readonly onCall: CallListener;
  /** Aborted with a JudgeError when an outage lasts too long, or as the other one is. */
  readonly signal: AbortSignal;
}

export function guardAgainstOutage(
  {
    totalSeconds,
    callSeconds,
    endpoints,
  }: Pick<VieScoreSettings, "totalSeconds" | "callSeconds" | "endpoints">,
  {
    say,
    signal,
    hint,
    longestSeconds = Math.max(LONGEST_OUTAGE_SECONDS, callSeconds),
  }: {
    readonly say: (line: string) => void;
    readonly signal: AbortSignal;
    readonly hint: string;
    /** Two minutes unless given. */
    readonly longestSeconds?: number;
  },
): OutageGuard {
  const limit = Math.min(totalSeconds, longestSeconds);
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
  let refused = 0;
  return {
    onCall: ({ kind, isCached, attempts, reason }) => {
      if (isCached) return;
      const { http } = attempts.at(-1) ?? {};
      if (kind !== "unreachable" || !REFUSALS.includes(http)) refused = -Infinity;
      refused += 1;
      if (refused < MOST_REFUSED) return;
      const remedy = serverRemedy({ status: "rejected", http }, endpoints[0]!.keyVariable);
      stop.abort(
        new JudgeError(`The judge refuses to be asked: ${reason}`, {
          hint: [...(remedy === undefined ? [] : [remedy]), hint].join("\n"),
        }),
      );
    },
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
