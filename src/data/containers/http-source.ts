/**
 * An address that answers to ranges, as a source of bytes: what a container needs of it is fetched, and no more. Small
 * reads are widened to blocks, which are kept for a while; a server that is busy is asked again; a file that changes in
 * between is noticed by its tag.
 */

import { setTimeout as delay } from "node:timers/promises";

import { DataError } from "../../errors.ts";
import { messageOf, pieceLength, ShortRead, type ByteSource } from "./byte-source.ts";
import { RecentValues } from "./recent-values.ts";

export interface HttpSourceOptions {
  /** Sent with every request, as an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Of the first wait before a request is made again, in milliseconds; it doubles. */
  readonly firstWait?: number;
}

const BLOCK_BYTES = 256 * 2 ** 10;
const KEPT_BYTES = 16 * 2 ** 20;
const BLOCKS = new RecentValues<Uint8Array>(KEPT_BYTES);
const TRIES = 5;
const FIRST_WAIT = 500;
/** Milliseconds that an answer may keep us waiting for its next bytes. */
const PATIENCE = 60_000;

const HINTS: Readonly<Record<number, string>> = {
  401: "Give a token that may read it (HF_TOKEN for the hub).",
  403: "Ask its owner for access, and give a token that has it (HF_TOKEN for the hub).",
  404: "Check the address.",
};

let opened = 0;

/** Asks for the first byte, to learn size and tag. Throws DataError where nothing answers, or not to ranges. */
export async function httpSource(url: string, options: HttpSourceOptions = {}): Promise<ByteSource> {
  const first = await ranged({ url, options, tag: undefined }, 0, 1);
  const byteLength = totalOf(first.headers.get("content-range"));
  if (byteLength === undefined) {
    throw new DataError(`${url} does not say how long it is.`, {
      hint: "Download the file and give its path.",
    });
  }
  const tag = first.headers.get("etag") ?? undefined;
  opened += 1;
  const key = opened;
  const fetchPiece = async (start: number, end: number): Promise<Uint8Array> =>
    (await ranged({ url, options, tag }, start, end)).bytes;
  return {
    path: url,
    byteLength,
    ...(tag !== undefined && { tag }),
    async read(start, end) {
      const length = pieceLength(start, end, byteLength);
      if (length === 0) return new Uint8Array(0);
      const block = Math.floor(start / BLOCK_BYTES);
      if (length > BLOCK_BYTES || Math.floor((end - 1) / BLOCK_BYTES) !== block)
        return fetchPiece(start, end);
      const [from, to] = [block * BLOCK_BYTES, Math.min((block + 1) * BLOCK_BYTES, byteLength)];
      const bytes = await BLOCKS.get(`${key}/${block}`, to - from, () => fetchPiece(from, to));
      // A copy: what is kept must not change.
      return bytes.slice(start - from, end - from);
    },
  };
}

interface Piece {
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

interface Resource {
  readonly url: string;
  readonly options: HttpSourceOptions;
  /** What tells this content from another; undefined where it is not known yet. */
  readonly tag: string | undefined;
}

async function ranged(resource: Resource, start: number, end: number): Promise<Piece> {
  const { url, options } = resource;
  const { firstWait = FIRST_WAIT, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(resource, start, end);
    } catch (cause) {
      signal?.throwIfAborted();
      const isFinal = cause instanceof DataError && !(cause instanceof PassingFault);
      if (isFinal || attempt === TRIES) throw asDataError(url, cause, attempt);
      await delay(firstWait * 2 ** (attempt - 1), undefined, signal && { signal });
    }
  }
}

/** May be gone at the next try. */
class PassingFault extends DataError {}

async function askOnce({ url, options, tag }: Resource, start: number, end: number): Promise<Piece> {
  const { headers, signal } = options;
  const signals = [
    AbortSignal.timeout(PATIENCE + Math.ceil((end - start) / 1000)),
    ...(signal ? [signal] : []),
  ];
  const response = await fetch(url, {
    headers: { ...headers, range: `bytes=${start}-${end - 1}`, "accept-encoding": "identity" },
    signal: AbortSignal.any(signals),
  });
  if (response.status !== 206) {
    await response.body?.cancel();
    throw refused(url, response);
  }
  const now = response.headers.get("etag") ?? undefined;
  if (tag !== undefined && now !== undefined && now !== tag) {
    await response.body?.cancel();
    throw new DataError(`${url} has changed since it was opened.`, {
      hint: "Start again, or pin a revision.",
    });
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length !== end - start)
    throw new ShortRead(`the answer has ${bytes.length} bytes of ${end - start}`);
  return { headers: response.headers, bytes };
}

function refused(url: string, { status, statusText, headers }: Response): DataError {
  if (status === 200) {
    return new DataError(`${url} cannot be read in pieces: its server does not answer to ranges.`, {
      hint: "Download the file and give its path.",
    });
  }
  if (status === 416 && headers.get("content-range")?.endsWith("/0") === true) {
    return new DataError(`${url} is empty (0 bytes).`, { hint: "Check the address." });
  }
  const isPassing = status === 408 || status === 429 || status >= 500;
  const Fault = isPassing ? PassingFault : DataError;
  return new Fault(`${url} cannot be read: the server says ${status}${statusText ? ` ${statusText}` : ""}.`, {
    hint: HINTS[status] ?? (isPassing ? "Try again later." : "Check the address."),
  });
}

function asDataError(url: string, cause: unknown, attempts: number): DataError {
  if (cause instanceof DataError) return cause;
  const reason = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause;
  return new DataError(`${url} cannot be read, after ${attempts} tries: ${messageOf(reason)}.`, {
    hint: "Check the network.",
    cause,
  });
}

/** The size in "bytes 0-0/1234". */
function totalOf(contentRange: string | null): number | undefined {
  const total = Number(/\/(\d+)$/.exec(contentRange ?? "")?.[1] ?? Number.NaN);
  return Number.isSafeInteger(total) ? total : undefined;
}
