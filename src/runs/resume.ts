/**
 * Puts a run directory back to its newest complete checkpoint, so that what follows is written as if the run had
 * never been interrupted: events after the checkpoint are cut off, half-written files are deleted, pointers are
 * restored. Without a checkpoint the run starts again from nothing.
 */

import { closeSync, existsSync, openSync, readSync, statSync, truncateSync } from "node:fs";

import { CheckpointError } from "../errors.ts";
import { listCheckpoints, type BestCheckpoints } from "./checkpoint.ts";
import type { Stage } from "./event.ts";
import { eventsBackwards } from "./events-backwards.ts";
import { writePointers } from "./recorder.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface ResumePoint {
  readonly stage: Stage;
  /** Steps that are complete. */
  readonly step: number;
  /** What the loop gave when it saved. */
  readonly loop: unknown;
  /** Weights and optimizer state. */
  readonly checkpoint: string;
  readonly best: BestCheckpoints;
}

/**
 * Restores the directory and says where to go on; undefined: from the beginning. Call it with the run's lock held.
 * Throws CheckpointError when the events no longer reach back to any checkpoint.
 */
export function resumeRun(directory: RunDirectory): ResumePoint | undefined {
  directory.removeTemporaries();
  const checkpoints = listCheckpoints(directory);
  const length = existsSync(directory.events) ? statSync(directory.events).size : 0;
  const newest = checkpoints.findLast(({ state }) => endsLine(directory.events, state.eventsBytes, length));
  if (newest === undefined && checkpoints.length > 0) {
    throw new CheckpointError(`${directory.events} is shorter than its run's checkpoints say.`, {
      hint: "The file was changed or copied in part; restore it, or start a new run from the checkpoint.",
    });
  }
  if (length > 0) truncateSync(directory.events, newest?.state.eventsBytes ?? 0);
  writePointers(directory, newest?.name, newest?.state.best ?? {});
  if (newest === undefined) return undefined;
  const { stage, step, loop, best } = newest.state;
  return { stage, step, loop, checkpoint: newest.path, best };
}

/** The number of the attempt that goes on with a run: one more than that of its last event. Call it before `resumeRun`. */
export function nextAttempt(directory: RunDirectory): number {
  if (!existsSync(directory.events)) return 0;
  const [last] = eventsBackwards(directory.events);
  return last === undefined ? 0 : last.attempt + 1;
}

/** True where the first `bytes` of the file exist and are whole lines. */
function endsLine(path: string, bytes: number, length: number): boolean {
  if (bytes > length) return false;
  if (bytes === 0) return true;
  const descriptor = openSync(path, "r");
  try {
    const last = Buffer.alloc(1);
    readSync(descriptor, last, 0, 1, bytes - 1);
    return last[0] === 0x0a;
  } finally {
    closeSync(descriptor);
  }
}
