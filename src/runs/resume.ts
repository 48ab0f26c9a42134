/**
 * Finds where a run goes on: its newest complete checkpoint, as if nothing had happened since. Whatever was written
 * after it (events, checkpoints that the events do not reach) is written again by the run itself. Without a checkpoint
 * the run starts again from nothing.
 */

import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

import { CheckpointError, DataError } from "../errors.ts";
import { isCheckpointName } from "./checkpoint-name.ts";
import { readState, type BestCheckpoints } from "./checkpoint-state.ts";
import { listCheckpoints, type Checkpoint } from "./checkpoint.ts";
import { NewerEventError } from "./event-log.ts";
import { STAGES, type Stage } from "./event.ts";
import { eventsBackwards } from "./events-backwards.ts";
import { readManifest } from "./manifest.ts";
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

export interface Resumption {
  /** Undefined: from the beginning. */
  readonly point: ResumePoint | undefined;
  /** Number of the attempt that goes on; 0 where nothing was ever said. */
  readonly attempt: number;
  /** Length to which events.jsonl is cut back. */
  readonly eventsBytes: number;
  /** True where the events up to there say that the checkpoint was saved. */
  readonly isAnnounced: boolean;
  /** Checkpoints of later events, which the run will save again. */
  readonly beyond: readonly Checkpoint[];
}

/**
 * Reads, and changes nothing. Call it with the run's lock held. Throws CheckpointError where the events no longer reach
 * back to any checkpoint, or a damaged or foreign folder is where the run would save one.
 */
export function findResumption(directory: RunDirectory): Resumption {
  const checkpoints = listCheckpoints(directory);
  const length = existsSync(directory.events) ? statSync(directory.events).size : 0;
  const newest = checkpoints.findLast(({ state }) => endsLine(directory.events, state.eventsBytes, length));
  if (newest === undefined && checkpoints.length > 0) {
    throw new CheckpointError(`${directory.events} is missing or shorter than its run's checkpoints say.`, {
      hint: "It was changed or copied in part; restore it, or start a run of another `name` with policy.checkpoint.",
    });
  }
  refuseInTheWay(directory, checkpoints, newest);
  const attempt = nextAttempt(directory);
  if (newest === undefined) {
    return { point: undefined, attempt, eventsBytes: 0, isAnnounced: true, beyond: [] };
  }
  const { stage, step, loop, best, eventsBytes, files } = newest.state;
  return {
    point: { stage, step, loop, checkpoint: newest.path, best },
    attempt,
    eventsBytes,
    // Those without checksums were saved after they were announced.
    isAnnounced: files === undefined,
    beyond: checkpoints.slice(checkpoints.indexOf(newest) + 1),
  };
}

/** Folders that are no checkpoint of this run, where it would save one after `newest`. */
function refuseInTheWay(
  directory: RunDirectory,
  own: readonly Checkpoint[],
  newest: Checkpoint | undefined,
): void {
  if (!existsSync(directory.checkpoints)) return;
  const known = new Set(own.map(({ name }) => name));
  const later = (name: string): boolean => newest === undefined || order(name) > order(newest.name);
  const other = readdirSync(directory.checkpoints).find(
    (name) => isCheckpointName(name) && !known.has(name) && later(name),
  );
  if (other === undefined) return;
  const path = join(directory.checkpoints, other);
  // Says what is damaged where that is the reason.
  readState(path);
  throw new CheckpointError(`${path} is no checkpoint of this run, and in its way.`, {
    hint: "Move it away; the run goes on from the checkpoint before it.",
  });
}

/** Numbers in the order in which a run saves its checkpoints. */
function order(name: string): number {
  const [stage = "", step = ""] = name.split("-");
  return STAGES.findIndex((one) => one === stage) * 1e12 + Number(step);
}

/** One more than the attempt of the last event. */
function nextAttempt(directory: RunDirectory): number {
  if (!existsSync(directory.events)) return 0;
  try {
    const [last] = eventsBackwards(directory.events);
    return last === undefined ? 0 : last.attempt + 1;
  } catch (error) {
    if (error instanceof NewerEventError || !(error instanceof DataError)) throw error;
    // What is damaged after the checkpoint is cut off anyway.
    return 1 + (existsSync(directory.manifest) ? readManifest(directory.manifest).resumed.length : 0);
  }
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
