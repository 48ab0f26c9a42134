/** One server that a judge may be asked at, with what it allows: requests at once, requests and tokens a minute. */

import { CircuitBreaker } from "./circuit-breaker.ts";
import type { EndpointSettings } from "./judge-settings.ts";
import { RollingWindow } from "./rolling-window.ts";
import type { ServerConnection } from "./server-connection.ts";

const MINUTE = 60;
/** However long a server asks to be left alone, it is asked again after this many seconds. */
const LONGEST_REST = 600;

/** What a finished request says about its server. */
export type ServerHealth =
  /** It answered, whatever it said. */
  | "up"
  | "failing"
  /** It is up and asked for a rest. */
  | "throttling"
  /** Nothing: the request was called off. */
  | "unknown";

/** A request that is on its way. */
export interface Slot {
  readonly endpoint: Endpoint;
  /** Gives the slot back. `tokens` replaces the estimate; `restMs` is how long the server is to be left alone. */
  release(end: { readonly health: ServerHealth; readonly tokens?: number; readonly restMs?: number }): void;
}

export class Endpoint {
  readonly connection: ServerConnection;
  /** Requests that may be on their way at once. */
  readonly concurrency: number;
  readonly #requests: RollingWindow | undefined;
  readonly #tokens: RollingWindow | undefined;
  readonly #breaker = new CircuitBreaker();
  /** Those who wait for its slots. The first one is told last the next time, so that each has its turn. */
  #waiting: (() => void)[] = [];
  #inFlight = 0;
  #restsUntil = -Infinity;

  constructor(connection: ServerConnection, settings: EndpointSettings) {
    const { concurrency, requestsPerMinute, tokensPerMinute } = settings;
    this.connection = connection;
    this.concurrency = concurrency;
    if (requestsPerMinute !== undefined) this.#requests = new RollingWindow(requestsPerMinute, MINUTE);
    if (tokensPerMinute !== undefined) this.#tokens = new RollingWindow(tokensPerMinute, MINUTE);
  }

  /** Calls back whenever a slot is free again. Returns how to stop that. */
  onFree(callBack: () => void): () => void {
    this.#waiting.push(callBack);
    return () => {
      this.#waiting = this.#waiting.filter((one) => one !== callBack);
    };
  }

  /** Share of its slots that are taken. 0…1 */
  get load(): number {
    return this.#inFlight / this.concurrency;
  }

  /** When a request of so many tokens may go, in seconds; Infinity where one that is on its way has to end first. */
  readyAt(tokens: number, now: number): number {
    if (this.#inFlight >= this.concurrency) return Infinity;
    return Math.max(
      this.#restsUntil,
      this.#breaker.readyAt(now),
      this.#requests?.readyAt(1, now) ?? now,
      this.#tokens?.readyAt(tokens, now) ?? now,
    );
  }

  /** Takes a slot; `seconds` tells the time and `onReleased` is told how it went, before the slot is given to others. */
  take(tokens: number, seconds: () => number, onReleased: (health: ServerHealth) => void): Slot {
    const now = seconds();
    const passage = this.#breaker.begin();
    const spent = this.#tokens?.spend(tokens, now);
    this.#requests?.spend(1, now);
    this.#inFlight += 1;
    return {
      endpoint: this,
      release: ({ health, tokens: counted, restMs }) => {
        const end = seconds();
        this.#inFlight -= 1;
        if (spent !== undefined && counted !== undefined) this.#tokens?.correct(spent, counted, end);
        if (restMs !== undefined) {
          this.#restsUntil = Math.max(this.#restsUntil, end + Math.min(restMs / 1000, LONGEST_REST));
        }
        if (health === "up" || health === "throttling") passage.succeeded();
        else if (health === "failing") passage.failed(end);
        else passage.ended();
        onReleased(health);
        const [first, ...others] = this.#waiting;
        if (first === undefined) return;
        this.#waiting = [...others, first];
        for (const callBack of [...others, first]) callBack();
      },
    };
  }
}
