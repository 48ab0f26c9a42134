/** The Hugging Face hub, through its own JavaScript client: a revision is pinned, files are fetched into its cache. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ReadableStream } from "node:stream/web";
import { setTimeout as delay } from "node:timers/promises";

import { datasetInfo, HubApiError, listFiles, modelInfo, type RepoDesignation } from "@huggingface/hub";

import { hubEnvironment, type HubEnvironment } from "../config/env.ts";
import { DataError } from "../errors.ts";
import { writeFault, writeFileAtomically } from "../runs/atomic-write.ts";
import { requireFreeSpace } from "../runs/free-space.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { blobName, downloadBlob, fetchedBytes, RangeRefused, type HubFile } from "./download.ts";
import { pageOf, type HubAddress } from "./hub-address.ts";
import {
  filePathIn,
  isCommit,
  knownCommit,
  nameBlob,
  refPath,
  repositoryFolder,
  snapshotFolder,
} from "./hub-cache.ts";
import { hubFault, isPassing } from "./hub-fault.ts";

/** Hears how much of what is fetched is here, in bytes. */
export type FetchListener = (done: number, total: number, what: string) => void;

export interface FetchOptions {
  readonly onProgress?: FetchListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Files that are fetched at once. */
const AT_ONCE = 4;
const TRIES = 5;
const FIRST_WAIT = 1000;
/** Milliseconds that a server may ask us to wait. */
const MOST_WAIT = 300_000;

/** A repository at one commit. */
export interface PinnedRepository {
  readonly address: HubAddress;
  readonly commit: string;
  /** Where its files lie, or will. */
  readonly snapshot: string;
}

interface FetchOne {
  readonly blob: string;
  readonly signal: AbortSignal;
  readonly onBytes: (here: number) => void;
}

export class Hub {
  readonly #environment: HubEnvironment;
  readonly #firstWait: number;

  /** `firstWait` is for tests: milliseconds before a broken download is gone on with. */
  constructor(environment: HubEnvironment = hubEnvironment(), firstWait = FIRST_WAIT) {
    this.#environment = environment;
    this.#firstWait = firstWait;
  }

  get environment(): HubEnvironment {
    return this.#environment;
  }

  /** The commit that the revision stands for now; offline, the one that it stood for last. Throws DataError where there is none. */
  async pin(address: HubAddress): Promise<PinnedRepository> {
    const { cache, isOffline } = this.#environment;
    const known = knownCommit(cache, address, address.revision);
    const commit = isOffline || isCommit(address.revision) ? known : await this.#commitOf(address);
    if (commit === undefined) {
      throw new DataError(
        `${address.name} at ${address.revision} is not in ${cache}, and HF_HUB_OFFLINE is set.`,
        {
          hint: "Unset it once to fetch the repository, or name a folder.",
        },
      );
    }
    // Written where it is news alone: a cache that others fill may be read-only.
    if (!isOffline && commit !== known) {
      const path = refPath(cache, address, address.revision);
      makeFolders(join(path, ".."));
      writeFileAtomically(path, commit);
    }
    return { address, commit, snapshot: snapshotFolder(cache, address, commit) };
  }

  /** Every file of the pinned commit under the address's path. Throws DataError where the hub does not tell. */
  async list({ address, commit }: PinnedRepository): Promise<HubFile[]> {
    const { path } = address;
    const listed = await this.#asked(address, async () => {
      const files: HubFile[] = [];
      const entries = listFiles({
        ...this.#params(address),
        revision: commit,
        recursive: true,
        ...(path !== "" && { path }),
      });
      for await (const { type, path: file, size, oid = "", lfs } of entries) {
        if (type !== "file") continue;
        files.push(
          lfs === undefined
            ? { path: file, bytes: size, gitSha1: oid }
            : { path: file, bytes: lfs.size, sha256: lfs.oid },
        );
      }
      return files;
    });
    return listed.toSorted((left, right) => (left.path < right.path ? -1 : 1));
  }

  /** Whether a file of the commit is in the cache. */
  has({ snapshot }: PinnedRepository, { path }: HubFile): boolean {
    return existsSync(filePathIn(snapshot, path));
  }

  /** Fetches what is missing of these files. Throws DataError or EngineError where it cannot. */
  async fetch(
    pinned: PinnedRepository,
    files: readonly HubFile[],
    { onProgress, signal }: FetchOptions = {},
  ): Promise<void> {
    const { address } = pinned;
    const { cache, isOffline } = this.#environment;
    const missing = files.filter((file) => !this.has(pinned, file));
    if (missing.length === 0) return;
    if (isOffline) {
      throw new DataError(
        `${address.name} is not whole in ${cache}: ${missing[0]?.path} is missing, and HF_HUB_OFFLINE is set.`,
        {
          hint: "Unset it once to fetch what is missing.",
        },
      );
    }
    const folder = repositoryFolder(cache, address);
    const blobOf = (file: HubFile): string => join(folder, "blobs", blobName(file));
    makeFolders(join(folder, "blobs"));
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    const here = new Map(missing.map((file) => [file, fetchedBytes(file, blobOf(file))]));
    const sumOfHere = (): number => [...here.values()].reduce((sum, bytes) => sum + bytes, 0);
    await requireFreeSpace(folder, total - sumOfHere());
    // One that fails stops the others.
    const failed = new AbortController();
    const stop = AbortSignal.any([failed.signal, ...(signal === undefined ? [] : [signal])]);
    const queue = missing.values();
    const work = async (): Promise<void> => {
      for (const file of queue) {
        stop.throwIfAborted();
        const onBytes = (bytes: number): void => {
          here.set(file, bytes);
          onProgress?.(sumOfHere(), total, file.path);
        };
        await this.#fetchOne(pinned, file, { blob: blobOf(file), signal: stop, onBytes });
      }
    };
    const workers = Array.from({ length: Math.min(AT_ONCE, missing.length) }, () =>
      work().catch((cause: unknown) => {
        failed.abort(cause);
        throw cause;
      }),
    );
    await Promise.allSettled(workers);
    signal?.throwIfAborted();
    failed.signal.throwIfAborted();
  }

  /** `onBytes` hears how many bytes of it are here. */
  async #fetchOne(
    pinned: PinnedRepository,
    file: HubFile,
    { blob, signal, onBytes }: FetchOne,
  ): Promise<void> {
    const { address, snapshot } = pinned;
    const place = filePathIn(snapshot, file.path);
    try {
      const open = (from: number): Promise<ReadableStream<Uint8Array>> =>
        this.#open(pinned, file, from, signal);
      await downloadBlob(file, blob, { signal, firstWait: this.#firstWait, open, onBytes });
    } catch (cause) {
      signal.throwIfAborted();
      throw hubFault(cause, { address, environment: this.#environment, file: file.path });
    }
    try {
      await nameBlob(blob, place);
    } catch (cause) {
      throw writeFault(cause, place);
    }
    onBytes(file.bytes);
  }

  /** Where a file of a commit can be read in pieces. */
  fileAddress({ address, commit }: PinnedRepository, { path }: HubFile): string {
    const parts = path.split("/").map(encodeURIComponent).join("/");
    return `${pageOf(address, this.#environment.endpoint)}/resolve/${commit}/${parts}`;
  }

  /**
   * The content from a byte on. Asked for here and not through the client, whose streams lose the status of an answer and
   * begin at the first byte again.
   */
  async #open(
    pinned: PinnedRepository,
    file: HubFile,
    from: number,
    signal: AbortSignal | undefined,
  ): Promise<ReadableStream<Uint8Array>> {
    const { token } = this.#environment;
    const url = this.fileAddress(pinned, file);
    const response = await fetch(url, {
      headers: {
        "accept-encoding": "identity",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(from > 0 && { range: `bytes=${from}-` }),
      },
      ...(signal !== undefined && { signal }),
    });
    if (response.status === (from > 0 ? 206 : 200) && response.body !== null) {
      // The types of browsers and of Node differ in what nobody here uses.
      return response.body as unknown as ReadableStream<Uint8Array>;
    }
    await response.body?.cancel();
    if (from > 0 && (response.status === 200 || response.status === 416)) throw new RangeRefused();
    const seconds = Number(response.headers.get("retry-after") ?? 0);
    if (seconds > 0) await delay(Math.min(1000 * seconds, MOST_WAIT), undefined, signal && { signal });
    throw new HubApiError(url, response.status);
  }

  async #commitOf(address: HubAddress): Promise<string> {
    const { kind, name, revision } = address;
    const { repo: _, ...params } = this.#params(address);
    const asked = { ...params, name, revision };
    const { sha } = await this.#asked(address, () =>
      kind === "model"
        ? modelInfo({ ...asked, additionalFields: ["sha"] })
        : datasetInfo({ ...asked, additionalFields: ["sha"] }),
    );
    return sha;
  }

  /** A question to the hub, asked again where it is busy. */
  async #asked<Answer>(address: HubAddress, question: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await question();
      } catch (cause) {
        if (!isPassing(cause) || attempt === TRIES)
          throw hubFault(cause, { address, environment: this.#environment });
        await delay(this.#firstWait * 2 ** (attempt - 1));
      }
    }
  }

  #params({ kind, name }: HubAddress): { repo: RepoDesignation; hubUrl: string; accessToken?: string } {
    const { endpoint, token } = this.#environment;
    return {
      repo: { type: kind, name },
      hubUrl: endpoint,
      ...(token !== undefined && { accessToken: token }),
    };
  }
}
