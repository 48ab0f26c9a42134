/** What to do about a judge's server that gives no answer, as far as what it says tells. */

import type { AttemptStatus } from "../judge/attempt.ts";

const REFUSED_KEY = [401, 403];

const REMEDIES: Partial<Record<AttemptStatus, string>> = {
  connection: "Start the server, or see in its log why it went away; its address ends in /v1.",
  timeout: "It is there and does not reply in time: see its log, or raise callSeconds.",
  "server-error": "See the server's log.",
  throttled: "It asks to be left alone: see what it allows, and set requestsPerMinute.",
};

/** Undefined where the fault lies with what was asked. `keyVariable` names where the key is looked up. */
export function serverRemedy(
  fault: { readonly status: AttemptStatus; readonly http?: number | undefined },
  keyVariable: string,
): string | undefined {
  if (fault.http !== undefined && REFUSED_KEY.includes(fault.http)) {
    return `Give the server's key in $${keyVariable}, or name another variable: --set endpoints.0.keyVariable=NAME.`;
  }
  return REMEDIES[fault.status];
}
