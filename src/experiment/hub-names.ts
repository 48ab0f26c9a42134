/** Names on the hub in the place of paths: fetched, or made readable in pieces, and pinned to a commit that is recorded. */

import { existsSync } from "node:fs";

import { isAddress } from "../data/containers/byte-source.ts";
import { addressFolder } from "../hub/address-folder.ts";
import { datasetFolder } from "../hub/dataset-folder.ts";
import { isHubAddress, isHubName, parseHubAddress, type RepositoryKind } from "../hub/hub-address.ts";
import { Hub, type FetchListener } from "../hub/hub.ts";
import { modelFolder } from "../hub/model-folder.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import type { PolicyUse } from "./open-policy.ts";
import type { Progress } from "./progress.ts";

/** A repository as a run used it. */
export interface PinnedName {
  /** As the config says it. */
  readonly name: string;
  readonly kind: RepositoryKind;
  readonly commit: string;
}

export interface HubNamesOptions {
  readonly onProgress?: FetchListener | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What the run pinned before it was resumed: a branch that moved on since is not followed. */
  readonly earlier?: readonly PinnedName[] | undefined;
  readonly hub?: Hub;
}

export class HubNames {
  readonly #options: HubNamesOptions;
  readonly #pinned = new Map<string, PinnedName>();
  #hub: Hub | undefined;

  constructor(options: HubNamesOptions = {}) {
    this.#options = options;
    this.#hub = options.hub;
  }

  /** Every repository that was asked for, for the manifest. */
  get pinned(): readonly PinnedName[] {
    return [...this.#pinned.values()];
  }

  /** A run's best checkpoint, a folder as it is, or the folder of a model that was fetched. */
  async checkpoint(name: string): Promise<string> {
    if (new RunDirectory(name).exists()) return resolveCheckpoint(name);
    if (existsSync(name) || !isHubName(name)) return name;
    const pinned = await this.#pin(name, "model");
    return modelFolder(pinnedAddress(name, "model", pinned.commit), this.#options, this.#opened());
  }

  /** The settings of a dataset, folders on the hub replaced by folders here, those of a mixture's sources too. */
  async dataset<Settings extends object>(settings: Settings): Promise<Settings> {
    const resolved = new Map(Object.entries(settings));
    for (const [key, value] of resolved as Map<string, unknown>) {
      if (typeof value === "string" && isHubAddress(value)) resolved.set(key, await this.#folder(value));
      else if (key === "directory" && typeof value === "string" && isAddress(value)) {
        resolved.set(key, await addressFolder(value));
      } else if (key === "sources" && Array.isArray(value)) {
        resolved.set(key, await Promise.all(value.map((source: object) => this.dataset(source))));
      }
    }
    return Object.fromEntries(resolved) as Settings;
  }

  async #folder(name: string): Promise<string> {
    const { commit } = await this.#pin(name, "dataset");
    const address = pinnedAddress(name, "dataset", commit);
    return (await datasetFolder(address, this.#options, this.#opened())).directory;
  }

  async #pin(name: string, kind: RepositoryKind): Promise<PinnedName> {
    const known = this.#pinned.get(name) ?? this.#options.earlier?.find((one) => one.name === name);
    const pinned = known ?? {
      name,
      kind,
      commit: (await this.#opened().pin(parseHubAddress(name, kind))).commit,
    };
    this.#pinned.set(name, pinned);
    return pinned;
  }

  #opened(): Hub {
    this.#hub ??= new Hub();
    return this.#hub;
  }
}

/** The address at a commit. */
function pinnedAddress(name: string, standard: RepositoryKind, commit: string): string {
  const { kind, name: repository, path } = parseHubAddress(name, standard);
  return `hf://${kind}s/${repository}@${commit}${path === "" ? "" : `/${path}`}`;
}

/** Where a policy's tokenizers lie, those that are named on the hub fetched. */
export async function localTokenizers(
  { tokenizer, visionTokenizer }: PolicyUse,
  names: HubNames,
): Promise<Pick<PolicyUse, "tokenizer" | "visionTokenizer">> {
  return {
    ...(tokenizer !== undefined && { tokenizer: await names.checkpoint(tokenizer) }),
    ...(visionTokenizer !== undefined && { visionTokenizer: await names.checkpoint(visionTokenizer) }),
  };
}

/** Draws the bar of what is fetched, in megabytes. */
export function fetchProgress(progress: Progress): FetchListener {
  let [of, isWhole] = [0, true];
  return (done, total, what) => {
    if (total !== of || isWhole) {
      if (done === total && total === of) return;
      progress.start("Fetch", Math.ceil(total / 1e6), Math.floor(done / 1e6));
    }
    [of, isWhole] = [total, done === total];
    progress.advance(Math.floor(done / 1e6), `MB  ${what}`);
    if (isWhole) progress.finish(`${(total / 1e6).toFixed(1)} MB`);
  };
}
