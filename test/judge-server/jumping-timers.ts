/** Timers without waiting: when nothing else is left to do, time jumps to the next one. */

import type { Timers } from "../../src/judge/timers.ts";

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

export class JumpingTimers implements Timers {
  #seconds = 0;
  readonly #alarms = new Set<Alarm>();
  #isJumping = false;

  now(): number {
    return 1000 * this.#seconds;
  }

  seconds(): number {
    return this.#seconds;
  }

  after(milliseconds: number, ring: () => void): () => void {
    const alarm = { at: this.#seconds + milliseconds / 1000, ring };
    this.#alarms.add(alarm);
    this.#jumpLater();
    return () => this.#alarms.delete(alarm);
  }

  #jumpLater(): void {
    if (this.#isJumping) return;
    this.#isJumping = true;
    // Everything that promises lead to comes first.
    setImmediate(() => {
      this.#isJumping = false;
      const [next] = [...this.#alarms].toSorted((one, other) => one.at - other.at);
      if (next === undefined) return;
      this.#alarms.delete(next);
      this.#seconds = Math.max(this.#seconds, next.at);
      next.ring();
      this.#jumpLater();
    });
  }
}
