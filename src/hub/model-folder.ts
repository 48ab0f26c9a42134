/** A model of the hub as a folder on this machine: the files that a policy or a vision tokenizer is opened from. */

import { existsSync } from "node:fs";

import { parseHubAddress, isHubName } from "./hub-address.ts";
import { Hub, type FetchOptions } from "./hub.ts";
import type { HubFile } from "./download.ts";
import { join } from "node:path";

/** Config, weights as safetensors, tokenizers and adapters; weights in other formats are not read. */
const NEEDED = /(?:^|\/)(?:[\w.-]+\.(?:json|safetensors|tiktoken|txt|model)|vision_tokenizer\.json)$/;

export function neededOfModel(files: readonly HubFile[]): HubFile[] {
  return files.filter(({ path }) => NEEDED.test(path));
}

/**
 * The folder of a checkpoint: the path itself where one is there, else the snapshot of the repository of that name, what
 * is missing of it fetched. Throws DataError where the hub has none, or it cannot be fetched.
 */
export async function modelFolder(
  name: string,
  options: FetchOptions = {},
  hub: Hub = new Hub(),
): Promise<string> {
  if (existsSync(name) || !isHubName(name)) return name;
  const pinned = await hub.pin(parseHubAddress(name, "model"));
  if (!hub.environment.isOffline) await hub.fetch(pinned, neededOfModel(await hub.list(pinned)), options);
  return join(pinned.snapshot, pinned.address.path);
}
