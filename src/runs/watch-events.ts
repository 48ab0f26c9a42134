/** Tells somebody in this process what a run says, the way every other reader hears it: from the file. */

import { followEvents, type FollowOptions } from "./follow-events.ts";
import type { RunEvent } from "./event.ts";

/** A console looks this often; it redraws no faster. */
const POLL_MS = 100;

/**
 * Calls the listeners with every event of a file from the byte `from` on, until it is disposed of; what was written until
 * then is told first. A listener that throws hears no more: whoever watches a run cannot stop it.
 */
export function watchEvents(
  path: string,
  { from }: Pick<FollowOptions, "from">,
  listeners: readonly ((event: RunEvent) => void)[],
): AsyncDisposable {
  const over = new AbortController();
  // Another process took the run over: what it says is not this one's to tell.
  let isOurs = true;
  const onCut = (): void => void (isOurs = false);
  const events = followEvents(path, { from: from ?? 0, signal: over.signal, onCut, pollMs: POLL_MS });
  const hearing = new Set(listeners);
  const told = tell(events, (event) => {
    if (!isOurs) return;
    for (const listener of hearing) {
      try {
        listener(event);
      } catch (error) {
        hearing.delete(listener);
        complain(error);
      }
    }
  });
  return {
    async [Symbol.asyncDispose]() {
      over.abort();
      await told;
    },
  };
}

async function tell(events: AsyncIterable<RunEvent>, listener: (event: RunEvent) => void): Promise<void> {
  try {
    for await (const event of events) listener(event);
  } catch (error) {
    complain(error);
  }
}

function complain(error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(
    `Who was told of the run's events failed and hears no more; the run goes on. ${reason}`,
  );
}
