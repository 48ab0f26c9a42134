/** The Hugging Face hub, through its own JavaScript client: a revision is pinned, files are fetched into its cache. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ReadableStream } from "node:stream/web";

import { datasetInfo, HubApiError, listFiles, modelInfo, type RepoDesignation } from "@huggingface/hub";

import { hubEnvironment, type HubEnvironment } from "../config/env.ts";
import { DataError } from "../errors.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { requireFreeSpace } from "../runs/free-space.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { blobName, downloadBlob, type HubFile } from "./download.ts";
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

/** Hears how much of what is fetched is here, in bytes. */
export type FetchListener = (done: number, total: number, what: string) => void;

export interface FetchOptions {
  readonly onProgress?: FetchListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A repository at one commit. */
export interface PinnedRepository {
  readonly address: HubAddress;
  readonly commit: string;
  /** Where its files lie, or will. */
  readonly snapshot: string;
}

export class Hub {
  readonly #environment: HubEnvironment;
  readonly #firstWait: number | undefined;

  /** `firstWait` is for tests: milliseconds before a broken download is gone on with. */
  constructor(environment: HubEnvironment = hubEnvironment(), firstWait?: number) {
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
    if (!isOffline && commit !== address.revision) {
      const path = refPath(cache, address, address.revision);
      makeFolders(join(path, ".."));
      writeFileAtomically(path, commit);
    }
    return { address, commit, snapshot: snapshotFolder(cache, address, commit) };
  }

  /** Every file of the pinned commit under the address's path. Throws DataError where the hub does not tell. */
  async list({ address, commit }: PinnedRepository): Promise<HubFile[]> {
    const { path } = address;
    const files: HubFile[] = [];
    try {
      const listed = listFiles({
        ...this.#params(address),
        revision: commit,
        recursive: true,
        ...(path !== "" && { path }),
      });
      for await (const { type, path: file, size, oid = "", lfs } of listed) {
        if (type !== "file") continue;
        files.push(
          lfs === undefined
            ? { path: file, bytes: size, gitSha1: oid }
            : { path: file, bytes: lfs.size, sha256: lfs.oid },
        );
      }
    } catch (cause) {
      throw this.#fault(address, cause);
    }
    return files.toSorted((left, right) => (left.path < right.path ? -1 : 1));
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
    const { address, snapshot } = pinned;
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
    const total = missing.reduce((sum, { bytes }) => sum + bytes, 0);
    const folder = repositoryFolder(cache, address);
    makeFolders(folder);
    await requireFreeSpace(folder, total);
    let done = 0;
    for (const file of missing) {
      const blob = join(folder, "blobs", blobName(file));
      const say = (): void => onProgress?.(done, total, file.path);
      if (existsSync(blob)) done += file.bytes;
      else {
        const before = done;
        try {
          await downloadBlob(file, blob, {
            signal,
            ...(this.#firstWait !== undefined && { firstWait: this.#firstWait }),
            open: (from) => {
              done = before + from;
              return this.#open(pinned, file, from, signal);
            },
            onBytes: (fresh) => {
              done += fresh;
              say();
            },
          });
        } catch (cause) {
          if (signal?.aborted === true) throw cause;
          throw this.#fault(address, cause, file.path);
        }
      }
      await nameBlob(blob, filePathIn(snapshot, file.path));
      say();
    }
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
    throw new HubApiError(url, response.status);
  }

  async #commitOf(address: HubAddress): Promise<string> {
    const { kind, name, revision } = address;
    const { repo: _, ...params } = this.#params(address);
    const asked = { ...params, name, revision };
    try {
      const { sha } =
        kind === "model"
          ? await modelInfo({ ...asked, additionalFields: ["sha"] })
          : await datasetInfo({ ...asked, additionalFields: ["sha"] });
      return sha;
    } catch (cause) {
      throw this.#fault(address, cause);
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

  #fault(address: HubAddress, cause: unknown, file?: string): unknown {
    if (cause instanceof DataError) return cause;
    const { name, revision } = address;
    const { endpoint, token } = this.#environment;
    const page = pageOf(address, endpoint);
    const what = file === undefined ? name : `${file} of ${name}`;
    if (!(cause instanceof HubApiError)) {
      const reason =
        cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : String(cause);
      return new DataError(`${what} cannot be fetched from ${endpoint}: ${reason}.`, {
        hint: "Check the network, then run the same command again: it goes on where it was. HF_HUB_OFFLINE=1 does without.",
        cause,
      });
    }
    const { statusCode: status } = cause;
    if (status === 401 || status === 403) {
      const hint =
        token === undefined
          ? `Ask for access at ${page}, and set HF_TOKEN to a token of that account.`
          : `Ask for access at ${page} with the account of your token, or give another one in HF_TOKEN.`;
      return new DataError(`${what} is gated, private or not there: the hub says ${status}.`, { hint });
    }
    if (status === 404) {
      return new DataError(`The hub has no ${what} at ${revision}.`, {
        hint: `Look at ${page}; datasets are written hf://datasets/owner/name where a model is meant otherwise.`,
      });
    }
    return new DataError(`${what} cannot be fetched: the hub says ${status}.`, { hint: "Try again later." });
  }
}
