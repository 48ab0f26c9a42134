/**
 * Who is asked next, and when: the server with the largest share of free slots, as soon as its limits allow. Calls
 * wait in line, those that were tried before ahead of the others; none waits longer than `patience` without any server
 * having answered anybody in the meantime. As many as may be on their way at once are told before their turn comes, so
 * that a slot is not taken by somebody who is still busy with pictures.
 */

import { onAbort, reasonOf } from "./abort.ts";
import type { Endpoint, ServerHealth, Slot } from "./endpoint.ts";
import type { Timers } from "./timers.ts";
import { WaitingLine } from "./waiting-line.ts";

export interface SlotRequest {
  /** Estimated tokens of the request and its reply. */
  readonly tokens: number;
  /** The server that failed this call: not to be asked while another one is free. Undefined in a first try. */
  readonly avoid: Endpoint | undefined;
  /** Called when its turn is near, at most once; not where there is nothing to wait for. */
  readonly onNear?: () => void;
  readonly signal: AbortSignal;
}

interface Waiter extends Pick<SlotRequest, "tokens" | "avoid" | "onNear"> {
  readonly since: number;
  readonly resolve: (slot: Slot | "stalled") => void;
}

export class EndpointPool implements Disposable {
  readonly #endpoints: readonly Endpoint[];
  readonly #timers: Timers;
  /** Seconds. */
  readonly #patience: number;
  readonly #retrying = new WaitingLine<Waiter>();
  readonly #fresh = new WaitingLine<Waiter>();
  /** Of those in line. */
  readonly #mostNear: number;
  readonly #forget: readonly (() => void)[];
  #lastAnswer = -Infinity;
  #turn = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(endpoints: readonly Endpoint[], patienceSeconds: number, timers: Timers) {
    this.#endpoints = endpoints;
    this.#patience = patienceSeconds;
    this.#mostNear = endpoints.reduce((sum, { concurrency }) => sum + concurrency, 0);
    this.#timers = timers;
    // Others may ask the same server: whoever frees a slot may free it for somebody here.
    this.#forget = endpoints.map((endpoint) => endpoint.onFree(() => this.#serve()));
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.();
    for (const forget of this.#forget) forget();
  }

  /** A slot, or "stalled" where the patience is at an end. Rejects with the signal's reason when that aborts. */
  slot({ tokens, avoid, onNear, signal }: SlotRequest): Promise<Slot | "stalled"> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(reasonOf(signal));
      const line = avoid === undefined ? this.#fresh : this.#retrying;
      const waiter: Waiter = {
        tokens,
        avoid,
        ...(onNear !== undefined && { onNear }),
        since: this.#timers.seconds(),
        resolve: (slot) => {
          leave();
          forget();
          resolve(slot);
        },
      };
      const leave = line.join(waiter);
      const forget = onAbort(signal, () => {
        leave();
        reject(reasonOf(signal));
      });
      this.#serve();
    });
  }

  /** Serves whoever can be served, and comes back when the next one can. */
  #serve(): void {
    this.#serveNow();
    this.#fresh.tellFirst(this.#mostNear, ({ onNear }) => onNear?.());
  }

  #serveNow(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (;;) {
      const waiter = this.#retrying.next() ?? this.#fresh.next();
      if (waiter === undefined) return;
      const now = this.#timers.seconds();
      const wakeAt = this.#tryToServe(waiter, now);
      if (wakeAt === undefined) continue;
      this.#cancelTimer = this.#timers.after(Math.ceil(1000 * (wakeAt - now)), () => this.#serve());
      return;
    }
  }

  /** Undefined where the waiter is served, or sent away; else when to try again, in seconds. */
  #tryToServe(waiter: Waiter, now: number): number | undefined {
    const times = this.#endpoints.map((endpoint) => endpoint.readyAt(waiter.tokens, now));
    const ready = this.#endpoints.filter((_, index) => times[index]! <= now);
    if (ready.length > 0) {
      const endpoint = this.#leastLoaded(ready, waiter.avoid);
      waiter.resolve(endpoint.take(waiter.tokens, () => this.#timers.seconds(), this.#onReleased));
      return undefined;
    }
    const givesUpAt = Math.max(waiter.since, this.#lastAnswer) + this.#patience;
    if (givesUpAt > now) return Math.min(givesUpAt, ...times);
    waiter.resolve("stalled");
    return undefined;
  }

  readonly #onReleased = (health: ServerHealth): void => {
    if (health === "up") this.#lastAnswer = this.#timers.seconds();
  };

  /** Of equals, each in turn. */
  #leastLoaded(ready: readonly Endpoint[], avoid: Endpoint | undefined): Endpoint {
    const others = ready.filter((endpoint) => endpoint !== avoid);
    const choice = others.length > 0 ? others : ready;
    const least = Math.min(...choice.map(({ load }) => load));
    const equals = choice.filter(({ load }) => load === least);
    this.#turn += 1;
    return equals[this.#turn % equals.length]!;
  }
}
