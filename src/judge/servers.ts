/**
 * Asks a judge's servers until there is an answer, a reason to stop, or no time left. A call always ends in an outcome:
 * servers that hang, reset, throttle, lie or die are part of normal work.
 */

import type { Rng } from "../random.ts";
import { onAbort, reasonOf } from "./abort.ts";
import { remedyFor, type Outcome } from "./attempt.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import type { Endpoint, ServerHealth, Slot } from "./endpoint.ts";
import type { ServerSettings } from "./judge-settings.ts";
import { OutageWatch, type OutageListener } from "./outage.ts";
import { Pursuit, type Asked } from "./pursuit.ts";
import type { ServerConnection } from "./server-connection.ts";
import { ServerDirectory } from "./server-directory.ts";
import { sleep, type Timers } from "./timers.ts";

/** One thing to ask. `send` is called once a request. */
export interface ServerRequest<Answer> {
  /** Estimated tokens of request and reply. */
  readonly tokens: number;
  /** Called once its turn is near: what `send` will need can be begun. */
  readonly prepare?: () => void;
  /** `reasks` counts the replies that could not be read: the next one is to be another. */
  send(
    connection: ServerConnection,
    request: { readonly signal: AbortSignal; readonly reasks: number },
  ): Promise<Outcome<Answer>>;
}

export interface Surroundings {
  readonly timers: Timers;
  /** Spreads retries. */
  readonly rng: Rng;
  /** Servers that others ask as well; nobody does unless given. */
  readonly directory?: ServerDirectory;
  readonly onOutage?: OutageListener;
}

/** How long a server is left alone that throttles and does not say for how long. */
const THROTTLED_MS = 1000;

export class JudgeServers implements AsyncDisposable {
  readonly connections: readonly ServerConnection[];
  readonly #settings: ServerSettings;
  readonly #pool: EndpointPool;
  readonly #timers: Timers;
  readonly #rng: Rng;
  readonly #directory: ServerDirectory;
  readonly #outages: OutageWatch;

  /** Throws ConfigError where another one names a server with other limits. */
  constructor(
    settings: ServerSettings,
    { timers, rng, directory = new ServerDirectory(), onOutage }: Surroundings,
  ) {
    this.#settings = settings;
    this.#directory = directory;
    this.#outages = new OutageWatch(onOutage);
    const endpoints = settings.endpoints.map((one) => directory.join(one));
    this.connections = endpoints.map(({ connection }) => connection);
    this.#pool = new EndpointPool(endpoints, settings.totalSeconds, timers);
    this.#timers = timers;
    this.#rng = rng;
  }

  /** Rejects only when the signal aborts, with its reason, after the request that was on its way is called off. */
  async ask<Answer>(request: ServerRequest<Answer>, signal: AbortSignal): Promise<Asked<Answer>> {
    const { totalSeconds } = this.#settings;
    const { tokens, prepare } = request;
    const pursuit = new Pursuit<Answer>(this.#settings, this.#rng);
    let avoid: Endpoint | undefined;
    for (;;) {
      const slot = await this.#pool.slot({ tokens, avoid, ...(prepare && { onNear: prepare }), signal });
      if (slot === "stalled") {
        const names = this.connections.map(({ url }) => url).join(", ");
        const reason = `nobody was answered for ${totalSeconds} s (${names})${pursuit.lastFault()}`;
        return pursuit.end("unreachable", reason);
      }
      const begun = this.#timers.seconds();
      const seconds = pursuit.secondsLeft(begun);
      if (seconds <= 0) {
        slot.release({ health: "unknown" });
        return pursuit.end("unreachable", `no answer within ${totalSeconds} s${pursuit.lastFault()}`);
      }
      const send = (stop: AbortSignal): Promise<Outcome<Answer>> =>
        request.send(slot.endpoint.connection, { signal: stop, reasks: pursuit.reasks });
      const outcome = await this.#within(seconds, slot, signal, send);
      const { url: endpoint } = slot.endpoint.connection;
      const next = pursuit.next(outcome, { endpoint, begun, ended: this.#timers.seconds() });
      if (next.kind !== "again") return next;
      if (next.waitMs > 0) await sleep(this.#timers, next.waitMs, signal);
      avoid = slot.endpoint;
    }
  }

  /** One request that ends in time, is called off with the signal, and gives its slot back in any case. */
  async #within<Answer>(
    seconds: number,
    slot: Slot,
    signal: AbortSignal,
    send: (stop: AbortSignal) => Promise<Outcome<Answer>>,
  ): Promise<Outcome<Answer>> {
    const stop = new AbortController();
    const forget = onAbort(signal, () => stop.abort(reasonOf(signal)));
    const cancel = this.#timers.after(1000 * seconds, () => stop.abort());
    let outcome: Outcome<Answer> | undefined;
    try {
      outcome = await send(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      cancel();
      forget();
      // What a request came to that was called off says nothing about the server, or that it was too slow.
      if (stop.signal.aborted && outcome?.status !== "answered") {
        outcome = signal.aborted ? undefined : { status: "timeout", reason: `no reply within ${seconds} s` };
      }
      if (outcome !== undefined) {
        this.#outages.heard(outcome, slot.endpoint.connection.url, this.#timers.seconds());
      }
      slot.release({ health: healthOf(outcome), ...afterwards(outcome) });
    }
    if (outcome === undefined) throw reasonOf(signal);
    return outcome;
  }

  /** Closes the sockets that nobody else uses; what is on its way there fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#pool[Symbol.dispose]();
    await Promise.all(this.#settings.endpoints.map(async (one) => this.#directory.leave(one)));
  }
}

function healthOf(outcome: Outcome<unknown> | undefined): ServerHealth {
  if (outcome === undefined) return "unknown";
  if (outcome.status === "throttled") return "throttling";
  return outcome.status !== "answered" && remedyFor(outcome.status) === "later" ? "failing" : "up";
}

/** What else is told when a slot is given back. */
function afterwards(outcome: Outcome<unknown> | undefined): { tokens?: number; restMs?: number } {
  const tokens = (outcome?.usage?.inputTokens ?? 0) + (outcome?.usage?.outputTokens ?? 0);
  return {
    ...(tokens > 0 && { tokens }),
    ...(outcome?.status === "throttled" && { restMs: outcome.retryAfterMs ?? THROTTLED_MS }),
  };
}
