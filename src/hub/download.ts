/** One file of the hub into the cache: gone on with where it stopped, and compared with the hash that the hub promises. */

import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { setTimeout as delay } from "node:timers/promises";

import { HubApiError } from "@huggingface/hub";

import { DataError } from "../errors.ts";

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

export interface DownloadOptions {
  /** The content from a byte on. */
  readonly open: (from: number) => Promise<ReadableStream<Uint8Array>>;
  readonly onBytes: (fresh: number) => void;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds before the second try; doubles. */
  readonly firstWait?: number;
}

const TRIES = 5;
const FIRST_WAIT = 1000;

/** Throws DataError where the content is not what the hub promised, or the connection breaks again and again. */
export async function downloadBlob(file: HubFile, blob: string, options: DownloadOptions): Promise<void> {
  const { signal, firstWait = FIRST_WAIT } = options;
  mkdirSync(dirname(blob), { recursive: true });
  const incomplete = `${blob}.incomplete`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await goOn(file, incomplete, options);
      break;
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof DataError || isRefusal(cause) || attempt === TRIES) throw cause;
      await delay(firstWait * 2 ** (attempt - 1), undefined, signal && { signal });
    }
  }
  renameSync(incomplete, blob);
}

/** The server will say the same again. */
function isRefusal(cause: unknown): boolean {
  if (!(cause instanceof HubApiError)) return false;
  const { statusCode: status } = cause;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
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
        onBytes(chunk.length);
        done(null, chunk);
      },
    });
    const stream = Readable.fromWeb(await open(from));
    const parts = [stream, count, createWriteStream(incomplete, { flags: "a" })];
    await (signal === undefined ? pipeline(parts) : pipeline(parts, { signal }));
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
