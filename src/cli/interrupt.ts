/** Ctrl-C: the first one asks a long command to finish its step and save, the second one kills it. */

import type { Surroundings } from "./surroundings.ts";

export interface InterruptListener extends Disposable {
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal;
}

export interface InterruptOptions {
  /** What the command does about it, in one sentence. */
  readonly says?: string;
  /** What the signal is aborted with; whoever looks at it throws it. */
  readonly reason?: Error;
}

/** Listens until disposed of; whoever gets the signal finishes what it is at and returns. */
export function listenForInterrupt(
  { stderr }: Surroundings,
  { says = "Finishing the step and saving.", reason }: InterruptOptions = {},
): InterruptListener {
  const controller = new AbortController();
  const interrupt = (): void => {
    // Without listeners the next one has its usual effect: it ends the process.
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    if (controller.signal.aborted) return;
    stderr.write(`\n${says} Press Ctrl-C again to stop at once.\n`);
    controller.abort(reason);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  return {
    signal: controller.signal,
    // A terminal that closes hangs up more than once, so that signal is listened to all along.
    [Symbol.dispose]: () => signals.forEach((signal) => process.off(signal, interrupt)),
  };
}
