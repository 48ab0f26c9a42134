/**
 * What a training loop talks to while it runs: it says what happened, hands over pictures, and asks for checkpoints.
 * Everything lands in the run directory in an order that a killed process cannot break: see resume.ts.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { writeDirectoryAtomically } from "./atomic-write.ts";
import { checkpointName } from "./checkpoint-name.ts";
import {
  checksumsOf,
  readState,
  writeState,
  type BestCheckpoints,
  type CheckpointState,
} from "./checkpoint-state.ts";
import { listCheckpoints } from "./checkpoint.ts";
import type { Clock } from "./clock.ts";
import type { EventLog } from "./event-log.ts";
import { EVENT_VERSION, type RunEvent, type Stage, type UntimedEvent } from "./event.ts";
import type { RunLock } from "./lock.ts";
import { removeCheckpoint } from "./remove-checkpoint.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface CheckpointDraft {
  readonly stage: Stage;
  /** Steps that are complete. */
  readonly step: number;
  /** What the loop needs to go on from here, as JSON; it gets it back on resume. */
  readonly loop: unknown;
  /** True when no earlier checkpoint of the stage scored better. */
  readonly isBest: boolean;
  /**
   * Writes weights and optimizer state into a folder that exists and is empty. Where it calls `goOn`, the loop goes on
   * while the rest is written.
   */
  readonly write: (directory: string, goOn: () => void) => Promise<void>;
}

export interface Recorder {
  /** Appends an event; everybody who subscribed hears it. Throws EngineError when the disk is full or the run was taken over. */
  record(event: UntimedEvent): void;
  /** Saves PNG, JPEG or WebP bytes under images/, equal ones once; returns the file's name there. */
  saveImage(encoded: Uint8Array): string;
  /**
   * Saves a checkpoint whole or not at all, records `checkpoint-saved`, prunes old ones; returns its folder, which may
   * still be written. Where the step was saved before, its weights stay as they are and only what the loop says of it is
   * written anew. Throws what kept the one before from being written.
   */
  saveCheckpoint(draft: CheckpointDraft): Promise<string>;
  /** Resolves when the last checkpoint is written; throws what kept it from that. */
  settled(): Promise<void>;
}

/** Checkpoints kept beside the best of each stage. */
const KEPT = 2;

export interface RecorderOptions {
  readonly directory: RunDirectory;
  readonly log: EventLog;
  readonly lock: RunLock;
  readonly clock: Clock;
  /** `id` of the run; absent where it began before runs had one. */
  readonly run: string | undefined;
  readonly attempt: number;
  readonly best: BestCheckpoints;
  /** Name of the checkpoint that the run goes on from. */
  readonly resumed: string | undefined;
}

export class RunRecorder implements Recorder, Disposable {
  readonly #options: RecorderOptions;
  readonly #listeners = new Set<(event: RunEvent) => void>();
  /** Names of checkpoints whose weights are those of this run at their step. */
  readonly #saved: Set<string>;
  #best: BestCheckpoints;
  /** The checkpoint that is being written while the loop goes on. */
  #saving: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#best = options.best;
    this.#saved = new Set(options.resumed === undefined ? [] : [options.resumed]);
  }

  /** Name of the best checkpoint of each stage so far. */
  get best(): BestCheckpoints {
    return this.#best;
  }

  /** True from the first checkpoint on. */
  get isResumable(): boolean {
    return this.#saved.size > 0;
  }

  /**
   * Calls `listener` with every event from now on, until the function that is returned is called. One that throws hears
   * no more: whoever watches a run cannot stop it.
   */
  subscribe(listener: (event: RunEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  record(event: UntimedEvent): void {
    const { lock, log, clock, attempt } = this.#options;
    lock.requireHeld();
    const timed: RunEvent = { ...event, v: EVENT_VERSION, attempt, time: clock.now() };
    log.append(timed);
    for (const listener of this.#listeners) {
      try {
        listener(timed);
      } catch (error) {
        this.#listeners.delete(listener);
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.emitWarning(
          `Who was told of the run's events failed and hears no more; the run goes on. ${reason}`,
        );
      }
    }
  }

  saveImage(encoded: Uint8Array): string {
    return this.#options.directory.saveImage(encoded);
  }

  async saveCheckpoint(draft: CheckpointDraft): Promise<string> {
    await this.settled();
    const { directory, lock, log } = this.#options;
    const name = checkpointName(draft.stage, draft.step);
    const path = join(directory.checkpoints, name);
    const best = draft.isBest ? { ...this.#best, [draft.stage]: name } : this.#best;
    lock.requireHeld();
    if (this.#saved.has(name)) {
      this.#writeState(path, draft, { best, eventsBytes: log.bytes }, readState(path)?.files);
      this.#finish(name, draft, best);
      return path;
    }
    this.#clear(path);
    // What is said while it is written comes after it, as it does where the loop waits.
    let eventsBytes: number | undefined;
    const copied = new Promise<void>((resolve) => {
      const goOn = (): void => {
        eventsBytes = log.bytes;
        resolve();
      };
      this.#saving = writeDirectoryAtomically(path, async (temporary) => {
        await draft.write(temporary, goOn);
        eventsBytes ??= log.bytes;
        this.#writeState(temporary, draft, { best, eventsBytes }, await checksumsOf(temporary));
      }).then(() => this.#finish(name, draft, best));
    });
    await Promise.race([copied, this.#saving]).catch(() => this.settled());
    return path;
  }

  async settled(): Promise<void> {
    const saving = this.#saving;
    this.#saving = undefined;
    await saving;
  }

  #finish(name: string, { stage, step }: CheckpointDraft, best: BestCheckpoints): void {
    this.#saved.add(name);
    this.#best = best;
    // A kill in between loses the event, not the checkpoint: a resume from it says so again.
    this.record({ kind: "checkpoint-saved", stage, step, path: `checkpoints/${name}` });
    this.#prune();
  }

  #writeState(
    folder: string,
    { stage, step, loop }: CheckpointDraft,
    place: Pick<CheckpointState, "best" | "eventsBytes">,
    files: CheckpointState["files"],
  ): void {
    const { directory, log, run } = this.#options;
    directory.flushImages();
    log.flush();
    writeState(folder, {
      ...(run === undefined ? {} : { run }),
      stage,
      step,
      loop,
      ...place,
      ...(files === undefined ? {} : { files }),
    });
  }

  /** A checkpoint that an earlier attempt saved beyond the point that this one goes on from makes room. */
  #clear(path: string): void {
    if (!existsSync(path)) return;
    const state = readState(path);
    if (state !== undefined && state.run === this.#options.run) removeCheckpoint(path, state);
  }

  #prune(): void {
    const newestFirst = listCheckpoints(this.#options.directory).toReversed();
    const kept = new Set([
      ...newestFirst.slice(0, KEPT).map(({ name }) => name),
      ...Object.values(this.#best),
    ]);
    for (const { name, path, state } of newestFirst) {
      if (!kept.has(name)) removeCheckpoint(path, state);
    }
  }

  [Symbol.dispose](): void {
    this.#options.log[Symbol.dispose]();
  }
}
