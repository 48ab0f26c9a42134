/** Starts a run in a new directory, or opens one again to go on: lock, config, manifest, recorder. */

import { existsSync, readFileSync } from "node:fs";

import { parse, stringify } from "yaml";

import { ConfigError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { EventLog } from "./event-log.ts";
import { acquireLock } from "./lock.ts";
import { readManifest, type Manifest } from "./manifest.ts";
import { RunRecorder } from "./recorder.ts";
import { nextAttempt, resumeRun, type ResumePoint } from "./resume.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface OpenRun extends Disposable {
  readonly directory: RunDirectory;
  readonly recorder: RunRecorder;
  /** Where to go on; absent in a run that starts from the beginning. */
  readonly resumePoint: ResumePoint | undefined;
  /** Closes a run that failed before it did anything, and deletes what this call of `openRun` had made of it. */
  discard(): void;
}

export interface RunOptions {
  readonly directory: RunDirectory;
  /** Every setting of the run; of these only the name and the seed mean something here. */
  readonly config: { readonly name: string; readonly seed: number };
  readonly manifest: Manifest;
  /** Go on where the run was; one that never began is started. */
  readonly isResume: boolean;
  readonly clock: Clock;
}

/**
 * Opens the run and records `run-start` where it begins; dispose of it to close its files and free its lock.
 * Throws ConfigError when it exists and is not to be resumed, when another process writes it, or when it is resumed
 * with other settings; CheckpointError when it cannot be resumed.
 */
export function openRun(options: RunOptions): OpenRun {
  const { directory, config, isResume, clock } = options;
  if (!isResume) refuseTaken(directory);
  const isNew = !directory.exists();
  directory.makeFolders();
  const lock = acquireLock(directory.lock);
  try {
    // Somebody may have started it while the lock was free.
    if (!isResume) refuseTaken(directory);
    if (isResume) refuseOtherSettings(directory, config);
    const attempt = nextAttempt(directory);
    const resumePoint = resumeRun(directory);
    directory.writeConfig(stringify(config));
    directory.writeManifest(continued(directory, options.manifest, resumePoint));
    const log = new EventLog(directory.events);
    const recorder = new RunRecorder({ directory, log, clock, best: resumePoint?.best ?? {}, attempt });
    if (resumePoint === undefined) {
      recorder.record({ kind: "run-start", name: config.name, seed: config.seed });
    }
    if (attempt > 0) {
      const { stage, step } = resumePoint ?? {};
      recorder.record({
        kind: "run-resumed",
        ...(stage === undefined || step === undefined ? {} : { stage, step }),
      });
    }
    let isOpen = true;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      recorder[Symbol.dispose]();
      lock[Symbol.dispose]();
    };
    const discard = (): void => {
      close();
      if (isNew) directory.remove();
    };
    return { directory, recorder, resumePoint, discard, [Symbol.dispose]: close };
  } catch (error) {
    lock[Symbol.dispose]();
    if (isNew) directory.remove();
    throw error;
  }
}

/** Throws ConfigError where a run lies already. */
export function refuseTaken(
  directory: RunDirectory,
  hint = "Continue it with --resume, choose another `name`, or delete the folder.",
): void {
  if (directory.exists()) throw new ConfigError(`The run ${directory.path} exists already.`, { hint });
}

/** A resumed run keeps the manifest it began with and lists the machines it went on. */
function continued(
  directory: RunDirectory,
  manifest: Manifest,
  resumePoint: ResumePoint | undefined,
): Manifest {
  if (resumePoint === undefined || !existsSync(directory.manifest)) return manifest;
  const first = readManifest(directory.manifest);
  const { step, stage } = resumePoint;
  const { startedAt, commit, software, hardware } = manifest;
  return { ...first, resumed: [...first.resumed, { stage, step, startedAt, commit, software, hardware }] };
}

/** `engine` says where the run is computed, not what; a run may go on with other threads. */
function refuseOtherSettings(directory: RunDirectory, config: RunOptions["config"]): void {
  if (!existsSync(directory.config)) return;
  const before = flatten(parse(readFileSync(directory.config, "utf8")));
  const after = flatten(config);
  const differing = [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => !key.startsWith("engine.") && before.get(key) !== after.get(key),
  );
  if (differing.length === 0) return;
  const list = differing.map(
    (key) => `${key} was ${before.get(key) ?? "unset"}, is ${after.get(key) ?? "unset"}`,
  );
  throw new ConfigError(
    `The run ${directory.path} was started with other settings:\n  ${list.join("\n  ")}`,
    {
      hint: "Resume it with the settings it has, or give the new settings another `name`.",
    },
  );
}

function flatten(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null) return new Map([[path, JSON.stringify(value)]]);
  return new Map(
    Object.entries(value).flatMap(([key, inner]) => [
      ...flatten(inner, path === "" ? key : `${path}.${key}`),
    ]),
  );
}
