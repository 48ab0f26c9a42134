/** What keeps a client from asking too much: windows, breaker, line, backoff. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Rng } from "../random.ts";
import { backoffMs, retryAfterMs } from "./backoff.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { RollingWindow } from "./rolling-window.ts";
import { WaitingLine } from "./waiting-line.ts";

describe("RollingWindow", () => {
  test("never lets more through within any window, and nothing waits longer than it must", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(
          fc.record({ amount: fc.integer({ min: 1, max: 10 }), pause: fc.integer({ min: 0, max: 30 }) }),
        ),
        (limit, requests) => {
          const window = new RollingWindow(limit, 60);
          const spent: { at: number; amount: number }[] = [];
          let now = 0;
          for (const { amount, pause } of requests) {
            now = Math.max(now + pause, window.readyAt(amount, now + pause));
            const total = spent.filter(({ at }) => at + 60 > now).reduce((sum, one) => sum + one.amount, 0);
            expect(total === 0 || total + amount <= limit).toBe(true);
            window.spend(amount, now);
            spent.push({ at: now, amount });
          }
        },
      ),
    );
  });
  test("a correction frees what was not used", () => {
    const window = new RollingWindow(100, 60);
    const spending = window.spend(90, 0);
    expect(window.readyAt(50, 1)).toBe(60);
    window.correct(spending, 40, 2);
    expect(window.readyAt(50, 3)).toBe(3);
  });
  test("a correction that comes after the window changes nothing", () => {
    const window = new RollingWindow(100, 60);
    const spending = window.spend(90, 0);
    window.correct(spending, 1000, 70);
    expect(window.readyAt(100, 70)).toBe(70);
  });
});

describe("CircuitBreaker", () => {
  const failTimes = (breaker: CircuitBreaker, count: number, now: number): void => {
    for (let failure = 0; failure < count; failure += 1) breaker.begin().failed(now);
  };
  test("opens after five failures in a row, and a success in between starts the count anew", () => {
    const breaker = new CircuitBreaker();
    failTimes(breaker, 4, 0);
    breaker.begin().succeeded();
    failTimes(breaker, 4, 0);
    expect(breaker.readyAt(0)).toBe(0);
    failTimes(breaker, 1, 0);
    expect(breaker.readyAt(0)).toBe(2);
  });
  test("lets one probe through at a time, twice as late after each that fails, at most 15 s", () => {
    const breaker = new CircuitBreaker();
    failTimes(breaker, 5, 0);
    const pauses: number[] = [];
    let now = 0;
    for (let round = 0; round < 8; round += 1) {
      const at = breaker.readyAt(now);
      pauses.push(at - now);
      now = at;
      const probe = breaker.begin();
      expect(breaker.readyAt(now)).toBe(Infinity);
      probe.failed(now);
    }
    expect(pauses).toEqual([2, 4, 8, 15, 15, 15, 15, 15]);
    breaker.begin().succeeded();
    expect(breaker.readyAt(now)).toBe(now);
  });
  test("a probe that was called off lets the next one through", () => {
    const breaker = new CircuitBreaker();
    failTimes(breaker, 5, 0);
    breaker.begin().ended();
    expect(breaker.readyAt(2)).toBe(2);
  });
  test("failures of requests that were under way when it opened do not put the probe off", () => {
    const breaker = new CircuitBreaker();
    const underWay = Array.from({ length: 8 }, () => breaker.begin());
    for (const [index, request] of underWay.entries()) request.failed(index);
    expect(breaker.readyAt(4)).toBe(4 + 2);
  });
});

describe("WaitingLine", () => {
  test("serves in order whoever has not left, however they come and go", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant("join"), fc.constant("serve"), fc.nat(5))), (steps) => {
        const line = new WaitingLine<number>();
        let plain: number[] = [];
        const leave = new Map<number, () => void>();
        for (const [index, step] of steps.entries()) {
          if (step === "join") {
            leave.set(index, line.join(index));
            plain.push(index);
          }
          const gone = step === "serve" ? plain[0] : plain[step as number];
          expect(line.next()).toBe(plain[0]);
          if (step === "join" || gone === undefined) continue;
          leave.get(gone)?.();
          plain = plain.filter((other) => other !== gone);
        }
        expect(line.next()).toBe(plain[0]);
      }),
    );
  });
});

describe("backoffMs", () => {
  test("spreads each retry over twice the time of the one before, up to half a minute", () => {
    const rng = Rng.from(1);
    for (const [retry, most] of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
      const waits = Array.from({ length: 200 }, () => backoffMs(retry, rng));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...waits)).toBeLessThan(most);
      expect(Math.max(...waits)).toBeGreaterThan(0.9 * most);
    }
  });
});

describe("retryAfterMs", () => {
  const now = 1_700_000_000_000;
  test.each([
    [{ "retry-after": "3" }, 3000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after": "3", "retry-after-ms": "250" }, 250],
    [{ "retry-after": "Tue, 14 Nov 2023 22:13:30 GMT" }, 10_000],
    [{ "retry-after": "Tue, 14 Nov 2023 22:13:10 GMT" }, 0],
    [{ "retry-after": "soon" }, undefined],
    [{ "retry-after": "-1" }, undefined],
    [{}, undefined],
  ])("reads %o", (headers, expected) => {
    expect(retryAfterMs(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });
});
