/** One file of the hub into the cache: gone on with where it stopped, and compared with the hash that the hub promises. */

import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { setTimeout as delay } from "node:timers/promises";

import { HubApiError } from "@huggingface/hub";

import { ConfigError, DataError, EarlError } from "../errors.ts";
import { writeFault } from "../runs/atomic-write.ts";
import { acquireLock, type RunLock } from "../runs/lock.ts";
import { isPassing } from "./hub-fault.ts";

export interface HubFile {
  /** Within the repository. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of a large file, in hex. */
  readonly sha256?: string;
  /** Git's SHA-1 of any other, in hex. */
  readonly gitSha1?: string;
}

/** The blob's name in the cache. */
export function blobName({ sha256, gitSha1 = "" }: HubFile): string {
  return sha256 ?? gitSha1;
}

/** How much of a file is here: whole, begun or nothing. */
export function fetchedBytes({ bytes }: HubFile, blob: string): number {
  if (existsSync(blob)) return bytes;
  const begun = statSync(incompleteOf(blob), { throwIfNoEntry: false })?.size ?? 0;
  return begun <= bytes ? begun : 0;
}

export interface DownloadOptions {
  /** The content from a byte on. Throws RangeRefused where only all of it can be had. */
  readonly open: (from: number) => Promise<ReadableStream<Uint8Array>>;
  /** Hears how many bytes are here. */
  readonly onBytes: (here: number) => void;
  readonly signal: AbortSignal;
  /** Milliseconds before the second try; doubles. */
  readonly firstWait: number;
}

const TRIES = 5;
/** Milliseconds between looks at what somebody else is fetching. */
const LOOK_EVERY = 250;

/** A server that does not answer to ranges. */
export class RangeRefused extends Error {}

/**
 * Fetches what is missing of a blob; waits where another process, or another call here, is at it. Throws DataError where
 * the content is not what the hub promised or the cache cannot be written to, EngineError where the disk is full, and the
 * connection's error where that breaks again and again.
 */
export async function downloadBlob(file: HubFile, blob: string, options: DownloadOptions): Promise<void> {
  const { signal, firstWait, onBytes } = options;
  if (existsSync(blob)) return;
  const incomplete = incompleteOf(blob);
  using _ = await lockOf(file, blob, options);
  if (existsSync(blob)) return;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await goOn(file, incomplete, options);
      renameSync(incomplete, blob);
      return;
    } catch (cause) {
      signal.throwIfAborted();
      const fault = writeFault(cause, incomplete);
      if (fault instanceof EarlError || isRefusal(fault) || attempt === TRIES) throw fault;
      if (fault instanceof RangeRefused) rmSync(incomplete, { force: true });
      else await delay(firstWait * 2 ** (attempt - 1), undefined, { signal });
      onBytes(fetchedBytes(file, blob));
    }
  }
}

const incompleteOf = (blob: string): string => `${blob}.incomplete`;

async function lockOf(file: HubFile, blob: string, { signal, onBytes }: DownloadOptions): Promise<RunLock> {
  for (;;) {
    try {
      return acquireLock(`${blob}.lock`);
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
    }
    await delay(LOOK_EVERY, undefined, { signal });
    onBytes(fetchedBytes(file, blob));
  }
}

/** The server will say the same again. */
function isRefusal(cause: unknown): boolean {
  return cause instanceof HubApiError && !isPassing(cause);
}

async function goOn(
  file: HubFile,
  incomplete: string,
  { open, onBytes, signal }: DownloadOptions,
): Promise<void> {
  const begun = existsSync(incomplete) ? statSync(incomplete).size : 0;
  const from = begun <= file.bytes ? begun : 0;
  if (from !== begun) rmSync(incomplete);
  const hash = hashOf(file);
  if (from > 0) for await (const chunk of createReadStream(incomplete)) hash.update(chunk as Uint8Array);
  if (from < file.bytes) {
    let length = from;
    const count = new Transform({
      transform(chunk: Uint8Array, _, done) {
        length += chunk.length;
        hash.update(chunk);
        onBytes(length);
        done(null, chunk);
      },
    });
    const stream = Readable.fromWeb(await open(from));
    await pipeline([stream, count, createWriteStream(incomplete, { flags: "a" })], { signal });
    if (length !== file.bytes) throw new Error(`the connection ended after ${length} of ${file.bytes} bytes`);
  } else if (file.bytes === 0) writeFileSync(incomplete, "");
  requireHash(file, incomplete, hash);
}

function hashOf({ sha256, bytes }: HubFile): Hash {
  return sha256 === undefined ? createHash("sha1").update(`blob ${bytes}\0`) : createHash("sha256");
}

function requireHash(file: HubFile, incomplete: string, hash: Hash): void {
  const found = hash.digest("hex");
  const promised = blobName(file);
  if (found === promised) return;
  rmSync(incomplete);
  throw new DataError(`${file.path} is not what the hub promised: its hash is ${found}, not ${promised}.`, {
    hint: "Fetch it again; it was removed. If it happens again, something between you and the hub changes files.",
  });
}
