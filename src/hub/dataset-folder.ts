/**
 * A dataset of the hub as a folder on this machine: what was fetched is linked, small files are fetched, and in the place
 * of every other file stand a few bytes by which it is read in pieces (data/containers/remote-file.ts).
 */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { userCacheFolder } from "../config/env.ts";
import { remoteFileText } from "../data/containers/remote-file.ts";
import { DataError } from "../errors.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { blobName, type HubFile } from "./download.ts";
import { parseHubAddress } from "./hub-address.ts";
import { filePathIn, nameBlob, repositoryFolder } from "./hub-cache.ts";
import { Hub, type FetchOptions } from "./hub.ts";

/** Files that are no larger are fetched: lists, captions, single pictures. */
const FETCHED_BYTES = 256 * 2 ** 10;
const INDEX_FILE = ".earl-hub.json";

export interface HubFolder {
  readonly directory: string;
  /** Of the revision that was asked for. */
  readonly commit: string;
  /** Files that are read where they are published. */
  readonly remote: number;
}

/** The folder of a dataset's address. Throws DataError where the hub or the cache has no such dataset. */
export async function datasetFolder(
  address: string,
  options: FetchOptions = {},
  hub: Hub = new Hub(),
): Promise<HubFolder> {
  const parsed = parseHubAddress(address, "dataset");
  const pinned = await hub.pin(parsed);
  const { cache, isOffline } = hub.environment;
  const name = repositoryFolder("", parsed);
  const root = join(userCacheFolder(), "earl", "hub", name, pinned.commit);
  const files = isOffline ? indexOf(root, address) : await hub.list(pinned);
  if (files.length === 0) {
    throw new DataError(`${address} holds no file.`, {
      hint: "Check the folder after the repository's name.",
    });
  }
  await hub.fetch(pinned, isOffline ? [] : files.filter(({ bytes }) => bytes <= FETCHED_BYTES), options);
  let remote = 0;
  for (const file of files) {
    const place = filePathIn(root, file.path);
    const blob = join(repositoryFolder(cache, parsed), "blobs", blobName(file));
    if (existsSync(blob)) {
      await nameBlob(blob, place);
      continue;
    }
    remote += 1;
    const { path, bytes } = file;
    const text = remoteFileText({ url: hub.fileAddress(pinned, file), bytes, hash: blobName(file) });
    if (existsSync(place) && readFileSync(place, "utf8") === text) continue;
    makeFolders(dirname(join(root, path)));
    writeFileAtomically(place, text);
  }
  if (!isOffline && parsed.path === "") writeFileAtomically(join(root, INDEX_FILE), JSON.stringify(files));
  return { directory: join(root, parsed.path), commit: pinned.commit, remote };
}

/** Files as they were listed when there was a network. */
function indexOf(root: string, address: string): HubFile[] {
  const path = join(root, INDEX_FILE);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as HubFile[];
  throw new DataError(`${address} was never opened here, and HF_HUB_OFFLINE is set.`, {
    hint: "Unset it once, or name a folder.",
  });
}
