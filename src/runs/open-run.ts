/**
 * Starts a run in a new directory, or opens one again to go on. Opening takes the lock and says where to go on; nothing
 * is written, cut or removed until the run begins, when whoever opened it knows that it can.
 */

import { existsSync, truncateSync } from "node:fs";
import { basename } from "node:path";

import { stringify } from "yaml";
import type { z } from "zod";

import { ConfigError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { EventLog } from "./event-log.ts";
import { acquireLock, type RunLock } from "./lock.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import { RunRecorder } from "./recorder.ts";
import { finishRemovals, removeCheckpoint } from "./remove-checkpoint.ts";
import { removeRunFiles } from "./remove-run.ts";
import { findResumption, type ResumePoint, type Resumption } from "./resume.ts";
import type { RunDirectory } from "./run-directory.ts";
import { refuseOtherSettings } from "./saved-settings.ts";
import { makeFolders, removeEmptyFolders } from "./writable-place.ts";

export interface OpenRun extends Disposable {
  readonly directory: RunDirectory;
  /** Where to go on; absent in a run that starts from the beginning. */
  readonly resumePoint: ResumePoint | undefined;
  /** What the run says goes here; it begins with the first call of `begin`. */
  readonly recorder: RunRecorder;
  /**
   * Writes down what the run is and how it goes on, from where everything is as at the resume point; returns the byte of
   * events.jsonl at which what it says from now on begins. Throws DataError or EngineError where it cannot be written.
   */
  begin(manifest: Manifest): number;
  /** Brings the manifest's word on the data up to date; without effect once the run is closed. */
  amendManifest(facts: Pick<Manifest, "data" | "rows">): void;
  /** Closes a run that failed; one that was new and made no checkpoint leaves nothing behind. */
  discard(): void;
}

export interface RunOptions {
  readonly directory: RunDirectory;
  /** Every setting of the run; of these only the name and the seed mean something here. */
  readonly config: { readonly name: string; readonly seed: number };
  /** What the settings are; it knows the defaults of those that a saved config does not have. */
  readonly schema: z.ZodType;
  /** Go on where the run was. */
  readonly isResume: boolean;
  readonly clock: Clock;
}

/**
 * Opens a run; dispose of it to close its files and free its lock. One that did not begin leaves nothing behind. Throws ConfigError where it exists and is not to be resumed, where there is none to resume, where
 * another process writes it, or where it is resumed with other settings; CheckpointError where it cannot be resumed.
 */
export function openRun(options: RunOptions): OpenRun {
  const { directory, isResume } = options;
  const check = (): void => (isResume ? requireBegun(directory) : refuseTaken(directory));
  check();
  const isNew = !directory.isRun();
  const made = makeFolders(directory.path);
  let lock: RunLock | undefined;
  try {
    lock = acquireLock(directory.lock);
    // Somebody may have started it while the lock was free.
    check();
    directory.removeTemporaries();
    const resumption = findResumption(directory);
    if (isResume) refuseOtherSettings(options, resumption.point?.stage);
    return new LockedRun(options, lock, resumption, isNew ? { made } : undefined);
  } catch (error) {
    lock?.[Symbol.dispose]();
    removeEmptyFolders(made);
    throw error;
  }
}

/** Throws ConfigError where a run lies already, or something else that has the names of a run's files. */
export function refuseTaken(
  directory: RunDirectory,
  hint = "Continue it with --resume, choose another `name`, or delete the folder.",
): void {
  if (directory.isRun()) throw new ConfigError(`The run ${directory.path} exists already.`, { hint });
  const [first] = directory.strangers();
  if (first === undefined) return;
  throw new ConfigError(`${directory.path} holds ${first}, which is no file of a run of earl.`, {
    hint: "Move it away, or choose another `name`.",
  });
}

/** Throws ConfigError where no run was ever started. */
export function requireBegun(directory: RunDirectory): void {
  if (directory.isRun()) return;
  // A start that was killed as soon as it had made its folder is gone on with.
  if (existsSync(directory.path) && directory.strangers().length === 0) return;
  const [first] = existsSync(directory.path) ? directory.strangers() : [];
  const found =
    first === undefined ? "" : ` The folder holds ${first}, but no events.jsonl that begins as a run's.`;
  throw new ConfigError(`There is no run ${directory.path} to resume.${found}`, {
    hint: "Start it without --resume; `earl ls` lists the runs. A run may start from a checkpoint with policy.checkpoint.",
  });
}

class LockedRun implements OpenRun {
  readonly directory: RunDirectory;
  readonly resumePoint: ResumePoint | undefined;
  /** The manifest that the run began with. */
  readonly #first: Manifest | undefined;
  readonly #options: RunOptions;
  readonly #lock: RunLock;
  readonly #resumption: Resumption;
  /** Set where the run did not exist before: the folders that were made for it. */
  readonly #new: { made: readonly string[] } | undefined;
  #recorder: RunRecorder | undefined;
  /** As it was written last. */
  #manifest: Manifest | undefined;
  #isOpen = true;

  constructor(
    options: RunOptions,
    lock: RunLock,
    resumption: Resumption,
    isNew: { made: readonly string[] } | undefined,
  ) {
    const { directory } = options;
    this.directory = directory;
    this.resumePoint = resumption.point;
    this.#first = existsSync(directory.manifest) ? readManifest(directory.manifest) : undefined;
    this.#options = options;
    this.#lock = lock;
    this.#resumption = resumption;
    this.#new = isNew;
  }

  get recorder(): RunRecorder {
    if (this.#recorder === undefined) throw new Error("The run has not begun.");
    return this.#recorder;
  }

  begin(manifest: Manifest): number {
    const { directory } = this;
    const { config, clock } = this.#options;
    const { point, attempt, eventsBytes, isAnnounced, beyond } = this.#resumption;
    const made = directory.makeFolders();
    if (this.#new !== undefined) this.#new.made = [...this.#new.made, ...made];
    const start = directory.readStart();
    const run = start === undefined ? crypto.randomUUID() : start.id;
    finishRemovals(directory, run);
    for (const { path, state } of beyond) removeCheckpoint(path, state);
    if (existsSync(directory.events)) truncateSync(directory.events, eventsBytes);
    const log = new EventLog(directory.events);
    const begun = log.bytes;
    const recorder = new RunRecorder({
      directory,
      log,
      lock: this.#lock,
      clock,
      run,
      attempt,
      best: point?.best ?? {},
      resumed: point === undefined ? undefined : basename(point.checkpoint),
    });
    this.#recorder = recorder;
    // The first event makes the folder a run's, so it comes before the other files.
    if (point === undefined) {
      const { name, seed } = config;
      recorder.record({ kind: "run-start", name, seed, ...(run === undefined ? {} : { id: run }) });
    }
    if (attempt > 0) {
      const place = point === undefined ? {} : { stage: point.stage, step: point.step };
      recorder.record({ kind: "run-resumed", ...place });
    }
    if (point !== undefined && !isAnnounced) {
      const { stage, step, checkpoint } = point;
      recorder.record({ kind: "checkpoint-saved", stage, step, path: `checkpoints/${basename(checkpoint)}` });
    }
    directory.writeConfig(stringify(config));
    this.#manifest = this.#continued(manifest);
    directory.writeManifest(this.#manifest);
    return begun;
  }

  amendManifest(facts: Pick<Manifest, "data" | "rows">): void {
    if (!this.#isOpen || this.#manifest === undefined) return;
    const amended = { ...this.#manifest, ...facts };
    if (JSON.stringify(amended) === JSON.stringify(this.#manifest)) return;
    this.#lock.requireHeld();
    this.directory.writeManifest(amended);
    this.#manifest = amended;
  }

  /** A resumed run keeps the manifest it began with and lists the machines it went on. */
  #continued(manifest: Manifest): Manifest {
    if (this.#first === undefined || this.resumePoint === undefined) return manifest;
    const { step, stage } = this.resumePoint;
    const { startedAt, commit, software, hardware } = manifest;
    return {
      ...this.#first,
      resumed: [...this.#first.resumed, { stage, step, startedAt, commit, software, hardware }],
    };
  }

  discard(): void {
    this.#close(this.#new !== undefined && this.#recorder?.isResumable !== true);
  }

  [Symbol.dispose](): void {
    this.#close(false);
  }

  #close(isDiscarded: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#recorder?.[Symbol.dispose]();
    if (isDiscarded) removeRunFiles(this.directory);
    this.#lock[Symbol.dispose]();
    removeEmptyFolders(isDiscarded || this.#recorder === undefined ? (this.#new?.made ?? []) : []);
  }
}
