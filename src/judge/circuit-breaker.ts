/**
 * Leaves a server alone that fails again and again, and lets one request through now and then to see whether it is
 * back. Without it every call of a rollout would wait out its own deadlines against a server that is down.
 */

/** Failures in a row that open the circuit. */
const MOST_FAILURES = 5;
/** Seconds until the first probe, doubled after each that fails. */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 15;

export class CircuitBreaker {
  #failures = 0;
  #pause = FIRST_PAUSE;
  /** When the next probe may go, in seconds; undefined while the circuit is closed. */
  #probeAt: number | undefined;
  #isProbing = false;

  /** When a request may go, in seconds: `now` or earlier, later, or not before the probe that is on its way has ended. */
  readyAt(now: number): number {
    if (this.#probeAt === undefined) return now;
    return this.#isProbing ? Infinity : this.#probeAt;
  }

  /** A request goes out. Returns how to say how it went. */
  begin(): {
    readonly succeeded: () => void;
    readonly failed: (now: number) => void;
    readonly ended: () => void;
  } {
    const isProbe = this.#probeAt !== undefined;
    if (isProbe) this.#isProbing = true;
    const ended = (): void => {
      if (isProbe) this.#isProbing = false;
    };
    return {
      succeeded: () => {
        ended();
        this.#failures = 0;
        this.#pause = FIRST_PAUSE;
        this.#probeAt = undefined;
      },
      failed: (now) => {
        ended();
        this.#failures += 1;
        if (isProbe) this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
        // Requests that were on their way when the circuit opened say nothing about later.
        else if (this.#probeAt !== undefined || this.#failures < MOST_FAILURES) return;
        this.#probeAt = now + this.#pause;
      },
      ended,
    };
  }
}
