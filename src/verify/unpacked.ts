/** A recording whose files may be gzipped, as a folder of plain files: packed ones are unpacked beside links to the rest. */

import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { mkdtemp, readdir, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { DataError, EarlError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { LFS_POINTER_BYTES, refuseLfsPointer } from "../lfs-pointer.ts";
import { machineMemory } from "../machine-memory.ts";
import { errorCode, writeFault } from "../runs/atomic-write.ts";

const FULL_DISK = new Set(["ENOSPC", "EDQUOT"]);

export interface Unpacked extends AsyncDisposable {
  readonly directory: string;
  /** Of the one file that was asked for; undefined where a folder was. */
  readonly file: string | undefined;
  /** The error with the recording's own paths in its message, where it names those of unpacked files. */
  inItsOwnWords(error: unknown): unknown;
}

/**
 * Throws DataError where the path is not there, or a packed file is damaged or holds more than `most` bytes. Dispose of
 * it to remove what was unpacked.
 */
export async function unpack(path: string, most = machineMemory()): Promise<Unpacked> {
  const isFile = await isPlainFile(path);
  const directory = isFile ? dirname(path) : path;
  const names = isFile ? [basename(path)] : await namesIn(directory);
  if (!names.some((name) => name.endsWith(".gz"))) {
    return {
      directory,
      file: isFile ? path : undefined,
      inItsOwnWords: (error) => error,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const target = await mkdtemp(join(tmpdir(), "earl-recording-"));
  const remove = (): Promise<void> => rm(target, { recursive: true, force: true });
  try {
    for (const name of names) {
      const [from, to] = [join(directory, name), join(target, plainName(name))];
      if (!name.endsWith(".gz")) await symlink(resolve(from), to);
      // The plain file counts where both lie there.
      else if (!names.includes(plainName(name))) await gunzip(from, to, most);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const file = isFile ? join(target, plainName(basename(path))) : undefined;
  const inItsOwnWords = (error: unknown): unknown => {
    if (error instanceof EarlError) error.message = error.message.replaceAll(target, directory);
    return error;
  };
  return { directory: target, file, inItsOwnWords, [Symbol.asyncDispose]: remove };
}

const plainName = (name: string): string => name.replace(/\.gz$/, "");

/** False for a folder. Throws DataError for what is neither, such as a device that never ends. */
async function isPlainFile(path: string): Promise<boolean> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (cause) {
    throw new DataError(`There is no recording at ${path}.`, { hint: "Check the path.", cause });
  }
  if (found.isFile() || found.isDirectory()) return found.isFile();
  throw new DataError(`${path} is neither a file nor a folder.`, { hint: "Check the path." });
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw new DataError(`Cannot read the folder ${directory}.`, { hint: "Check its permissions.", cause });
  }
}

async function gunzip(from: string, to: string, most: number): Promise<void> {
  try {
    refuseLfsPointer(from, await firstBytes(from), DataError);
    await pipeline(createReadStream(from), createGunzip(), upTo(most, from), createWriteStream(to));
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    if (FULL_DISK.has(errorCode(cause))) throw writeFault(cause, to);
    throw new DataError(`${from} cannot be unpacked: ${cause instanceof Error ? cause.message : "?"}.`, {
      hint: "Copy it again.",
      cause,
    });
  }
}

/** A few bytes can unpack to any number of them, and what is compared is read into memory. */
function upTo(most: number, from: string): (pieces: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (pieces) {
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > most) {
        throw new DataError(
          `${from} unpacks to more than ${formatBytes(most)}, the memory of this machine.`,
          {
            hint: "Use a machine that holds it, or check where the file comes from.",
          },
        );
      }
      yield piece;
    }
  };
}

async function firstBytes(path: string): Promise<Uint8Array> {
  const start: Buffer[] = [];
  for await (const piece of createReadStream(path, { end: LFS_POINTER_BYTES - 1 }))
    start.push(piece as Buffer);
  return Buffer.concat(start);
}
