/** `earl get NAME`: fetches a repository of the hub ahead. */

import { join } from "node:path";

import { cardOf, DATASETS } from "../data/open-dataset.ts";
import { ConfigError, DataError, Interrupted } from "../errors.ts";
import { fetchProgress } from "../experiment/hub-names.ts";
import { formatBytes, printable } from "../format.ts";
import type { HubFile } from "../hub/download.ts";
import { isHubAddress, parseHubAddress } from "../hub/hub-address.ts";
import { Hub, type PinnedRepository } from "../hub/hub.ts";
import { NotOnHub } from "../hub/hub-fault.ts";
import { neededOfModel } from "../hub/model-folder.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface GetFlags {
  readonly include: string[];
  readonly dryRun?: true;
}

/** Says how much it is first, and prints the folder at the end. Throws Interrupted when stopped; it can be gone on with. */
export async function get(name: string, flags: GetFlags, surroundings: Surroundings): Promise<void> {
  const { stdout, stderr } = surroundings;
  const reason = new Interrupted("Stopped. What was fetched is kept.", "Go on with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason });
  const hub = new Hub();
  const pinned = await found(hub, name);
  const { address } = pinned;
  const all = await hub.list(pinned);
  const wanted = chosen(address.kind === "model" ? neededOfModel(all) : all, all, flags.include);
  if (wanted.length === 0) {
    throw new DataError(`${name} has no file that is wanted.`, {
      hint:
        flags.include.length === 0
          ? "Name files with --include."
          : `It has ${all.length} files; --dry-run lists them.`,
    });
  }
  const missing = wanted.filter((file) => !hub.has(pinned, file));
  const sizeOf = (files: readonly HubFile[]): string =>
    formatBytes(files.reduce((sum, { bytes }) => sum + bytes, 0));
  stderr.write(
    `${address.kind === "dataset" ? "hf://" : ""}${address.name} at ${pinned.commit.slice(0, 12)}: ${wanted.length} files, ${sizeOf(wanted)}; to fetch: ${sizeOf(missing)}.\n`,
  );
  if (flags.dryRun === true) {
    for (const { path, bytes } of wanted) stdout.write(`${printable(path)}  ${formatBytes(bytes)}\n`);
    return;
  }
  const onProgress = fetchProgress(progressOn(surroundings));
  await hub.fetch(pinned, wanted, { onProgress, signal: interrupt.signal });
  stdout.write(`${join(pinned.snapshot, address.path)}\n`);
}

/**
 * The repository of a name. Kinds of `data` stand for their homes; `owner/name` is a model, and a dataset where there is no
 * such model. Throws DataError where there is neither.
 */
async function found(hub: Hub, name: string): Promise<PinnedRepository> {
  const home = Object.hasOwn(DATASETS, name) ? cardOf(name as keyof typeof DATASETS)?.hub : undefined;
  if (home !== undefined) return hub.pin(parseHubAddress(`hf://${home}`, "dataset"));
  if (isHubAddress(name)) return hub.pin(parseHubAddress(name, "dataset"));
  try {
    return await hub.pin(parseHubAddress(name, "model"));
  } catch (cause) {
    if (!(cause instanceof NotOnHub)) throw cause;
    try {
      return await hub.pin(parseHubAddress(name, "dataset"));
    } catch (other) {
      throw other instanceof NotOnHub ? cause : other;
    }
  }
}

/** Files that a pattern takes, of all of them; those of `standard` where there is no pattern. */
function chosen(
  standard: readonly HubFile[],
  all: readonly HubFile[],
  patterns: readonly string[],
): readonly HubFile[] {
  if (patterns.length === 0) return standard;
  const tests = patterns.map(patternOf);
  return all.filter(({ path }) => tests.some((test) => test.test(path)));
}

/** `*` stands for anything but a slash, `**` for anything. */
function patternOf(pattern: string): RegExp {
  if (pattern.trim() === "") throw new ConfigError("A pattern of --include is empty.");
  const parts = pattern.split(/(\*\*|\*)/).map((part) => {
    if (part === "**") return ".*";
    return part === "*" ? "[^/]*" : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join("")}$`);
}
