/**
 * Places that something will be written to, tried before the work whose result it is. A trial leaves nothing behind.
 */

import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { dirname, join, resolve } from "node:path";

import { DataError } from "../errors.ts";
import { errorCode, temporaryName, writeFault } from "./atomic-write.ts";

/**
 * Makes the folders of a path that are missing and returns them, outermost first; none is left when one cannot be made.
 * Throws DataError where that is so. (Node's own recursive mkdir never returns under /proc.)
 */
export function makeFolders(path: string): string[] {
  const missing: string[] = [];
  let folder = resolve(path);
  while (!isFolder(folder)) {
    missing.unshift(folder);
    folder = dirname(folder);
  }
  const made: string[] = [];
  try {
    for (const next of missing) {
      if (makeFolder(next)) made.push(next);
    }
  } catch (cause) {
    removeEmptyFolders(made);
    if (errorCode(cause) !== "ENOENT") throw writeFault(cause, path);
    throw new DataError(`Cannot write ${path}: no folder can be made in ${folder}.`, {
      hint: "Choose a folder that can be written to.",
      cause,
    });
  }
  return made;
}

/** Removes folders that are empty, the last one first; others stay. */
export function removeEmptyFolders(folders: readonly string[]): void {
  for (const folder of folders.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      // Somebody has put something there, or taken it away.
    }
  }
}

/**
 * Throws DataError or EngineError where a file could not be written to the path: something else than a file has that
 * name, or its folder cannot be made or written to. The folder need not be there; it is made when the file is.
 */
export function requireWritableFile(path: string): void {
  const found = lookUp(path);
  if (found?.isDirectory() === true) {
    throw new DataError(`Cannot write ${path}: it is a folder.`, { hint: "Give the name of a file." });
  }
  if (found !== undefined) {
    if (!found.isFile()) {
      throw new DataError(`Cannot write ${path}: it is no regular file.`, { hint: "Choose another path." });
    }
    attempt(path, () => accessSync(path, constants.W_OK));
  }
  tryToWrite(path, dirname(resolve(path)));
}

/** Throws DataError or EngineError where files could not be written into the folder, or it could not be made. */
export function requireWritableFolder(path: string): void {
  tryToWrite(path, resolve(path));
}

function tryToWrite(path: string, folder: string): void {
  const made = makeFolders(folder);
  const trial = temporaryName(join(folder, "trial"));
  try {
    attempt(path, () => writeFileSync(trial, "", { flag: "wx" }));
  } finally {
    rmSync(trial, { force: true });
    removeEmptyFolders(made);
  }
}

/** False where there is nothing yet. Throws DataError where something else than a folder is there. */
function isFolder(path: string): boolean {
  const found = lookUp(path);
  if (found === undefined) return false;
  if (found.isDirectory()) return true;
  throw new DataError(`${path} is a file, not a folder.`, { hint: "Choose another path, or move it away." });
}

/** What the path leads to; undefined where there is nothing. Throws DataError for a link that leads nowhere. */
function lookUp(path: string): Stats | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) return found;
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  } catch (error) {
    // A part of the path is a file: the part itself says so when it is looked up.
    if (errorCode(error) === "ENOTDIR") return undefined;
    throw writeFault(error, path);
  }
  throw new DataError(`${path} is a link to ${readlinkSync(path)}, which is not there.`, {
    hint: "Choose another path, or make what the link leads to.",
  });
}

/** True where the folder is made, false where somebody else just made it. */
function makeFolder(path: string): boolean {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST" && isFolder(path)) return false;
    throw error;
  }
}

function attempt(path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw writeFault(error, path);
  }
}
