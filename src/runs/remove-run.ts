/** Removes what runs wrote into their folders, and nothing else. */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { ConfigError } from "../errors.ts";
import { listCheckpoints } from "./checkpoint.ts";
import { acquireLock } from "./lock.ts";
import { finishRemovals, removeCheckpoint } from "./remove-checkpoint.ts";
import type { RunDirectory } from "./run-directory.ts";
import { removeEmptyFolders } from "./writable-place.ts";

/** Files in checkpoints/ that earlier versions wrote beside the checkpoints. */
const POINTER = /^(latest|best-(sft|grpo))\.json$/;

/** Folders in logs/ and the names of files that loggers write there. */
const LOGS: ReadonlyMap<string, RegExp> = new Map([
  ["tensorboard/sft", /^events\.out\.tfevents\.\d+\.earl\.\d+$/],
  ["tensorboard/grpo", /^events\.out\.tfevents\.\d+\.earl\.\d+$/],
  ["completions", /^(sft|grpo)_completions_\d+\.csv$/],
]);

/**
 * Deletes a run; what others put into its folder stays. Does nothing where there is no folder. Throws ConfigError where
 * the folder is not a run's, or the run is being written.
 */
export function removeRun(directory: RunDirectory): void {
  if (!existsSync(directory.path)) return;
  if (!directory.isRun() && directory.strangers().length > 0) {
    throw new ConfigError(`${directory.path} holds files, but no run of earl: nothing of it is deleted.`, {
      hint: "Move the folder away, or choose another `name`.",
    });
  }
  {
    using _ = acquireLock(directory.lock);
    removeRunFiles(directory);
    rmSync(directory.report, { force: true });
  }
  removeEmptyFolders([directory.path, directory.images, directory.checkpoints]);
}

/** Deletes everything but the report and the lock. Call it with the run's lock held. */
export function removeRunFiles(directory: RunDirectory): void {
  const start = directory.readStart();
  directory.removeTemporaries();
  for (const { path, state } of listCheckpoints(directory)) removeCheckpoint(path, state);
  finishRemovals(directory, start?.id);
  removeMatching(directory.checkpoints, POINTER);
  removeMatching(directory.images, directory.imageName);
  const logs = [...LOGS].map(([folder, pattern]) => [join(directory.logs, folder), pattern] as const);
  for (const [folder, pattern] of logs) removeMatching(folder, pattern);
  removeEmptyFolders([
    directory.logs,
    join(directory.logs, "tensorboard"),
    ...logs.map(([folder]) => folder),
  ]);
  // The events come last: as long as they are there, the folder is known to be a run's.
  for (const path of [directory.config, directory.manifest, directory.events]) rmSync(path, { force: true });
}

function removeMatching(folder: string, pattern: RegExp): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (pattern.test(name)) rmSync(join(folder, name));
  }
}
