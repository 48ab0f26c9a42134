/** Equal questions that are asked at the same time are asked once, and called off when nobody waits any more. */

import { onAbort, reasonOf } from "./abort.ts";

interface Shared {
  readonly controller: AbortController;
  readonly result: Promise<unknown>;
  waiting: number;
}

export class InFlight {
  readonly #shared = new Map<string, Shared>();

  /** What `start` resolves to, started unless it is on its way under the same key. Rejects when the signal aborts. */
  share<Result>(
    key: string,
    signal: AbortSignal,
    start: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(reasonOf(signal));
      const shared = this.#shared.get(key) ?? this.#begin(key, start);
      shared.waiting += 1;
      const stay = onAbort(signal, () => {
        shared.waiting -= 1;
        if (shared.waiting === 0) {
          // Whoever asks next must not get what is being called off.
          this.#forget(key, shared);
          shared.controller.abort(signal.reason);
        }
        reject(reasonOf(signal));
      });
      shared.result
        .then((result) => resolve(result as Result), reject)
        .finally(stay)
        .catch(() => undefined);
    });
  }

  #begin(key: string, start: (signal: AbortSignal) => Promise<unknown>): Shared {
    const controller = new AbortController();
    const shared = { controller, result: start(controller.signal), waiting: 0 };
    this.#shared.set(key, shared);
    shared.result.then(
      () => this.#forget(key, shared),
      () => this.#forget(key, shared),
    );
    return shared;
  }

  #forget(key: string, shared: Shared): void {
    if (this.#shared.get(key) === shared) this.#shared.delete(key);
  }
}
