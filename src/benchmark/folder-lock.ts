/** One process at a time writes a folder of edits or inputs, so that several may work in one --out. */

import { join } from "node:path";

import { ConfigError } from "../errors.ts";
import { acquireLock, type RunLock } from "../runs/lock.ts";
import { makeFolders, removeEmptyFolders } from "../runs/writable-place.ts";

/**
 * Does the work while no other process may; folders that it left empty are taken away again. Throws ConfigError where
 * another one writes the folder.
 */
export async function whileLocked<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const made = makeFolders(folder);
  const lock = take(folder);
  try {
    return await work();
  } finally {
    lock[Symbol.dispose]();
    removeEmptyFolders(made);
  }
}

function take(folder: string): RunLock {
  try {
    return acquireLock(join(folder, "lock.json"));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${folder} is being written by another earl benchmark.`, {
      hint: "Wait until it ends, stop it, or choose another --out.",
      cause: error,
    });
  }
}
