/**
 * Files and folders that are either whole or absent. Content goes to a temporary name beside its place, is flushed
 * to the disk, and is renamed; a crash leaves the temporary name (removed by the next resume), a failed write
 * leaves nothing.
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";

import { DataError, EarlError, EngineError } from "../errors.ts";
import { systemClock } from "./clock.ts";

/** Tells this machine's processes from those of others that write to the same disk. */
const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 6);
const TEMPORARY = /^(?<place>.+)\.tmp-(?:(?<host>[0-9a-f]{6})-)?(?<pid>\d+)-\d+$/;
const HOUR_MS = 3_600_000;
let counter = 0;

/** A name beside the path that no other write uses. */
export function temporaryName(path: string): string {
  counter += 1;
  return `${path}.tmp-${HOST}-${process.pid}-${counter}`;
}

/** The name of what a temporary name stands for; undefined for other names. */
export function placeOfTemporary(name: string): string | undefined {
  return TEMPORARY.exec(name)?.groups?.["place"];
}

/** True where the writer of a temporary file or folder is surely dead. */
function isOfTheDead(path: string): boolean {
  const { host, pid } = TEMPORARY.exec(basename(path))?.groups ?? {};
  if (host !== HOST || pid === undefined || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return errorCode(error) === "ESRCH";
  }
}

/** True where nobody writes a temporary file or folder any more: its writer is dead, or has not touched it for an hour. */
export function isAbandoned(path: string): boolean {
  const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
  return isOfTheDead(path) || systemClock.now() - modified > HOUR_MS;
}

/** Removes what writes of this path left that were killed on this machine. */
function sweep(path: string): void {
  const folder = dirname(path);
  for (const name of readdirSync(folder)) {
    const place = join(folder, name);
    if (placeOfTemporary(name) === basename(path) && isOfTheDead(place)) {
      rmSync(place, { recursive: true, force: true });
    }
  }
}

const CURES: Readonly<Record<string, readonly [string, string]>> = {
  ENOSPC: [
    "the disk is full",
    "Free some space, then run the same command again (a run that has a checkpoint: with --resume).",
  ],
  EDQUOT: ["your disk quota is used up", "Free some space, then run the same command again."],
  EIO: ["the disk reported an error", "Check the disk, or write to another one."],
  EFBIG: ["the file would be too large", "Raise the file size limit (ulimit -f), or write to another disk."],
  EROFS: ["the file system is read-only", "Choose a folder that can be written to."],
  EACCES: ["permission denied", "Choose a folder that you may write to, or change its permissions."],
  EPERM: ["permission denied", "Choose a folder that you may write to, or change its permissions."],
  ENOENT: ["the folder does not exist", "Create the folder first, or check the path."],
  ENOTEMPTY: ["a folder of that name is there and holds something", "Move it away, or choose another name."],
  EEXIST: ["something of that name is there", "Move it away, or choose another name."],
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
 * Writes a file whole or not at all, replacing one of that name, or what a link of that name leads to. Without
 * flushing, that holds for a process that is killed, not for a machine that loses power before somebody flushes it.
 * Throws EngineError when the disk is full or failing, DataError when the place cannot be written to.
 */
export function writeFileAtomically(
  path: string,
  content: string | Uint8Array,
  { isFlushed = true }: { readonly isFlushed?: boolean } = {},
): void {
  let temporary: string | undefined;
  try {
    const place =
      lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? realpathSync(path) : path;
    temporary = temporaryName(place);
    writeFileSync(temporary, content, { flag: "wx" });
    if (isFlushed) flush(temporary);
    renameSync(temporary, place);
    if (isFlushed) flush(dirname(place));
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw writeFault(error, path);
  }
}

/**
 * Lets `write` fill a temporary folder, then gives it its name; an empty folder of that name is replaced, one that
 * holds something is not. Whatever `write` throws comes out after the temporary folder is gone; else errors as in
 * `writeFileAtomically`. What an earlier attempt left that was killed is removed first.
 */
export async function writeDirectoryAtomically(
  path: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    sweep(path);
    await mkdir(temporary);
    await write(temporary);
    flushTree(temporary);
    renameSync(temporary, path);
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
