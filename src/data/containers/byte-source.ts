/** Bytes at a place, read in pieces: a file, or an address that answers to ranges. Containers are read through this. */

import { open, stat } from "node:fs/promises";

import { hubEnvironment } from "../../config/env.ts";
import { DataError } from "../../errors.ts";
import { refuseLfsPointer } from "../../lfs-pointer.ts";
import { parseRemoteFile, REMOTE_FILE_BYTES, type RemoteFile } from "./remote-file.ts";

export interface ByteSource {
  /** File or address, as errors name it. */
  readonly path: string;
  readonly byteLength: number;
  /** Tells this content from another at the same place, where the place says it. */
  readonly tag?: string;
  /**
   * Bytes start…end−1. Throws ShortRead where there are fewer, DataError or the system's error where they cannot be
   * read.
   */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** A container promises more bytes than it has. */
export class ShortRead extends Error {}

const ADDRESS = /^https?:\/\//i;

/** Whether a path is an address on the web. */
export function isAddress(path: string): boolean {
  return ADDRESS.test(path);
}

/** Opens a file or an address. Throws DataError where it is not there, empty or a Git LFS pointer. */
export async function openSource(path: string): Promise<ByteSource> {
  const source = isAddress(path) ? await openAddress(path) : await openFile(path);
  if (source.byteLength === 0) {
    throw new DataError(`${path} is empty (0 bytes).`, { hint: "Fetch it again." });
  }
  const start = await source.read(0, Math.min(REMOTE_FILE_BYTES, source.byteLength));
  refuseLfsPointer(path, start, DataError);
  const remote = parseRemoteFile(start);
  return remote === undefined ? source : openRemote(path, remote);
}

/** What is read in pieces where it is published; errors and examples name the file that stands for it. */
async function openRemote(path: string, { url, bytes }: RemoteFile): Promise<ByteSource> {
  const source = await openAddress(url);
  if (source.byteLength === bytes) return { ...source, path };
  throw new DataError(`${url} has ${source.byteLength} bytes, not the ${bytes} that were promised.`, {
    hint: "Try again later.",
  });
}

/** An address that answers to ranges; the hub's with its token. Throws DataError where nothing answers, or not to ranges. */
export async function openAddress(url: string): Promise<ByteSource> {
  // Who reads files alone need not load the client.
  const { httpSource } = await import("./http-source.ts");
  const { endpoint, token } = hubEnvironment();
  // Nobody else is shown the token.
  const isHub = token !== undefined && url.startsWith(`${endpoint}/`);
  return httpSource(url, isHub ? { headers: { authorization: `Bearer ${token}` } } : {});
}

async function openFile(path: string): Promise<ByteSource> {
  const entry = await stat(path).catch((cause: unknown) => {
    throw new DataError(`${path} cannot be opened: ${messageOf(cause)}.`, { hint: "Check the path.", cause });
  });
  if (!entry.isFile()) throw new DataError(`${path} is no file.`, { hint: "Check the path." });
  return {
    path,
    byteLength: entry.size,
    // Opened for each read: a dataset has hundreds of files, a process fewer descriptors.
    async read(start, end) {
      await using handle = await open(path);
      const bytes = new Uint8Array(pieceLength(start, end, entry.size));
      for (let done = 0; done < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) throw new ShortRead("the file ends before its content does");
        done += bytesRead;
      }
      return bytes;
    },
  };
}

/** Bytes that are in memory already. */
export function bytesSource(path: string, bytes: Uint8Array): ByteSource {
  return {
    path,
    byteLength: bytes.length,
    read: async (start, end) => bytes.subarray(start, start + pieceLength(start, end, bytes.length)),
  };
}

/** Throws ShortRead where the piece does not lie within so many bytes. */
export function pieceLength(start: number, end: number, byteLength: number): number {
  if (!(start >= 0 && end >= start && end <= byteLength)) {
    throw new ShortRead("the file ends before its content does");
  }
  return end - start;
}

/** What is at fault is the system, the network or the place, not the bytes: it may pass, and no row is to blame. */
export function isFailedRead(cause: unknown): boolean {
  return cause instanceof DataError || (cause instanceof Error && "syscall" in cause);
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
