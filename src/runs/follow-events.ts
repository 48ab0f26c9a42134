/**
 * The one follower of a run's events, while it goes on and after it ended: for whoever shows a run that another process
 * writes. It notices when a resume cuts the file back.
 */

import { setImmediate, setTimeout as wait } from "node:timers/promises";

import { errorCode } from "./atomic-write.ts";
import { EventReader, readFault } from "./event-log.ts";
import type { RunEvent } from "./event.ts";

export interface FollowOptions {
  /** Goes on until it aborts, and gives what was written until then; without it, the file is read to its end. */
  readonly signal?: AbortSignal;
  /** What was given is void: the run was resumed further back, or begun again. All its events follow. */
  readonly onCut?: () => void;
  /** Everything that is there has been given; said whenever the end is reached. */
  readonly onRest?: () => void;
  /** Where in the file to begin, in bytes: the end of a line that was read before. After a cut all events follow. */
  readonly from?: number;
  /** How often a file that is being written is looked at. */
  readonly pollMs?: number;
}

/** Events after which others get a turn. */
const TURN = 500;

/**
 * Events of a file as they come; with a signal, a file that is not there yet is waited for. Throws DataError where it
 * cannot be read, a line is damaged or was written by a newer earl.
 */
export async function* followEvents(path: string, options: FollowOptions = {}): AsyncGenerator<RunEvent> {
  const { signal, onCut, onRest, from = 0, pollMs = 200 } = options;
  const reader = new EventReader(path, { onCut, from });
  for (;;) {
    const isLast = signal === undefined || signal.aborted;
    let given = 0;
    try {
      for (const event of reader.events()) {
        yield event;
        given += 1;
        if (given % TURN === 0) await setImmediate();
      }
    } catch (error) {
      if (signal === undefined || errorCode(error) !== "ENOENT") throw readFault(error, path);
    }
    onRest?.();
    if (isLast) return;
    // An abort ends the wait; what was written meanwhile is read once more.
    await wait(pollMs, undefined, { signal }).catch(() => undefined);
  }
}
