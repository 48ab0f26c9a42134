/**
 * Files and folders that are either whole or absent. Content goes to a temporary name beside its place, is flushed
 * to the disk, and is renamed; a crash leaves the temporary name (removed by the next resume), a failed write
 * leaves nothing.
 */

import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";

import { DataError, EarlError, EngineError } from "../errors.ts";

const MARK = ".tmp-";
let counter = 0;

/** A name beside the path that no other write uses; `isTemporaryName` is true for it. */
export function temporaryName(path: string): string {
  counter += 1;
  return `${path}${MARK}${process.pid}-${counter}`;
}

/** True for names that an interrupted write may have left behind. */
export function isTemporaryName(name: string): boolean {
  return /\.tmp-\d+-\d+$/.test(name);
}

const CURES: Readonly<Record<string, readonly [string, string]>> = {
  ENOSPC: ["the disk is full", "Free some space, then run the same command again (training: with --resume)."],
  EDQUOT: ["your disk quota is used up", "Free some space, then run the same command again."],
  EIO: ["the disk reported an error", "Check the disk, or write to another one."],
  EFBIG: ["the file would be too large", "Raise the file size limit (ulimit -f), or write to another disk."],
  EROFS: ["the file system is read-only", "Choose a folder that can be written to."],
  EACCES: ["permission denied", "Choose a folder that you may write to, or change its permissions."],
  EPERM: ["permission denied", "Choose a folder that you may write to, or change its permissions."],
  ENOENT: ["the folder does not exist", "Create the folder first, or check the path."],
  ENOTDIR: ["a part of the path is a file", "Choose another path, or move that file away."],
  EISDIR: ["a folder has that name", "Choose another name, or move that folder away."],
  ELOOP: ["its links lead in a circle", "Choose another path, or repair the links."],
  ENAMETOOLONG: ["the name is too long", "Choose a shorter name."],
};
const MACHINE_FAULTS = new Set(["ENOSPC", "EDQUOT", "EIO", "EFBIG"]);

/** The code of a system error ("ENOENT", …); "" for any other value. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** The error of a write to `path` as one of ours; errors that are ours already, or no file system's, stay as they are. */
export function writeFault(cause: unknown, path: string): unknown {
  if (cause instanceof EarlError || !(cause instanceof Error)) return cause;
  const code = errorCode(cause);
  const cure = CURES[code];
  if (cure === undefined) return cause;
  const [reason, hint] = cure;
  const message = `Cannot write ${path}: ${reason}.`;
  return MACHINE_FAULTS.has(code)
    ? new EngineError(message, { hint, cause })
    : new DataError(message, { hint, cause });
}

/** Flushes a file, or a folder's list of names, to the disk. */
export function flush(path: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    fsyncSync(descriptor);
  } catch (error) {
    // Some systems cannot open or flush a folder and say so; the rename is still atomic.
    if (!["EINVAL", "EISDIR", "EPERM", "ENOTSUP"].includes(errorCode(error))) throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/**
 * Writes a file whole or not at all, replacing one of that name.
 * Throws EngineError when the disk is full or failing, DataError when the place cannot be written to.
 */
export function writeFileAtomically(path: string, content: string | Uint8Array): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, content, { flag: "wx" });
    flush(temporary);
    renameSync(temporary, path);
    flush(dirname(path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeFault(error, path);
  }
}

/**
 * Lets `write` fill a temporary folder, then gives it its name, replacing a folder of that name.
 * Whatever `write` throws comes out after the temporary folder is gone; errors as in `writeFileAtomically`.
 */
export async function writeDirectoryAtomically(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await mkdir(temporary);
    await write(temporary);
    flushTree(temporary);
    replaceDirectory(temporary, path);
    flush(dirname(path));
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw writeFault(error, path);
  }
}

function flushTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) flushTree(path);
    else if (entry.isFile()) flush(path);
  }
  flush(directory);
}

/** rename(2) replaces an empty folder only, so one that is in the way steps aside first. */
function replaceDirectory(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(errorCode(error))) throw error;
    const aside = temporaryName(to);
    renameSync(to, aside);
    renameSync(from, to);
    rmSync(aside, { recursive: true, force: true });
  }
}
