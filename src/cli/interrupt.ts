/** Ctrl-C: the first one asks a long command to finish its step and save, the second one kills it. */

import type { Surroundings } from "./surroundings.ts";

export interface InterruptListener extends Disposable {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

/** Listens until disposed of; whoever gets the signal finishes what it is at and returns. */
export function listenForInterrupt({ stderr }: Surroundings): InterruptListener {
  const controller = new AbortController();
  const interrupt = (): void => {
    // Without listeners the next signal has its usual effect: it ends the process.
    stop();
    stderr.write("\nFinishing the step and saving. Press Ctrl-C again to stop at once.\n");
    controller.abort();
  };
  const stop = (): void => {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  return { signal: controller.signal, [Symbol.dispose]: stop };
}
