/**
 * The only place that asks what time it is. Everything else takes a `Clock`, so that tests can hold time
 * still and nothing that a run computes depends on it.
 */

export interface Clock {
  /** Milliseconds since 1970, for people to read. */
  now(): number;
  /** Seconds on a clock that never runs backwards, for measuring. */
  seconds(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  seconds: () => performance.now() / 1000,
};

/** "2026-11-23T17:20:05.000Z" */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** Milliseconds since 1970 of a date as HTTP or ISO 8601 writes it; NaN where the text is none. */
export function parseTime(text: string): number {
  return Date.parse(text);
}
