/** How long to wait before a request is sent again. */

import type { Rng } from "../random.ts";
import { parseTime } from "../runs/clock.ts";

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * A random time up to 0.5 s · 2ⁿ, at most 30 s, for the n-th retry counted from 0: full jitter (Brooker 2015), so that
 * calls which failed together do not come back together.
 */
export function backoffMs(retry: number, rng: Rng): number {
  return rng.uniform() * Math.min(LONGEST_MS, FIRST_MS * 2 ** retry);
}

/**
 * What a server asked to wait, in milliseconds: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110,
 * 10.2.3). Undefined where it asked for nothing that can be understood.
 */
export function retryAfterMs(headers: Headers, now: number): number | undefined {
  const milliseconds = numberIn(headers.get("retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const text = headers.get("retry-after");
  const seconds = numberIn(text);
  if (seconds !== undefined) return 1000 * seconds;
  // "Tue, 14 Nov 2023 22:13:30 GMT"; what parses dates takes "-1" for one.
  const date = text !== null && /^\s*[A-Za-z]{3,9},? .*GMT\s*$/.test(text) ? parseTime(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function numberIn(text: string | null): number | undefined {
  if (text === null || !/^\s*\d+(?:\.\d+)?\s*$/.test(text)) return undefined;
  return Number(text);
}
