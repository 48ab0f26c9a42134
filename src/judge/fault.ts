/** What a request that failed says: worth another try, or not. */

import type { Outcome } from "./attempt.ts";
import { retryAfterMs } from "./backoff.ts";
import { ReplyTooLarge } from "./http-exchange.ts";
import type { ServerConnection } from "./server-connection.ts";

export type Fault = Exclude<Outcome<never>, { status: "answered" }>;

/** A reply whose status is not 2xx. `now` is in milliseconds since 1970, for servers that name a date. */
export function httpFault(
  reply: { readonly status: number; readonly headers: Headers; readonly message: string },
  connection: ServerConnection,
  now: number,
): Fault {
  const { status: http, headers } = reply;
  const message = connection.redact(reply.message);
  const base = { http, reason: message === "" ? `HTTP ${http}` : `HTTP ${http}: ${message}` };
  const wait = retryAfterMs(headers, now);
  const rest = wait === undefined ? {} : { retryAfterMs: wait };
  if (http === 429) return { status: "throttled", ...base, ...rest };
  if (http === 408) return { status: "timeout", ...base, ...rest };
  if (http >= 500) return { status: "server-error", ...base, ...rest };
  return { status: "rejected", ...base };
}

/** A request that ended without a reply. */
export function connectionFault(error: unknown, connection: ServerConnection): Fault {
  const causes = causesOf(error);
  const tooLarge = causes.find((cause) => cause instanceof ReplyTooLarge);
  if (tooLarge !== undefined) return { status: "too-large", reason: tooLarge.message };
  // The innermost one says it best: "connect ECONNREFUSED 127.0.0.1:8000" under "fetch failed".
  const innermost = causes.at(-1)?.message ?? String(error);
  return { status: "connection", reason: connection.redact(`no connection: ${innermost}`) };
}

function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 8; cause = cause.cause)
    causes.push(cause);
  return causes;
}
