/** A file on the web as a dataset: a folder with a few bytes in its place, by which it is read in pieces. */

import { createHash } from "node:crypto";
import { join } from "node:path";

import { userCacheFolder } from "../config/env.ts";
import { openAddress } from "../data/containers/byte-source.ts";
import { remoteFileText } from "../data/containers/remote-file.ts";
import { writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders } from "../runs/writable-place.ts";

const SPLITS = /(?:^|[-_. ])(?:train(?:ing)?|validation|valid|val|dev|test(?:ing)?)(?:[-_. ]|$)/;

/** The folder. Throws DataError where nothing answers there, or not to ranges. */
export async function addressFolder(url: string): Promise<string> {
  const { byteLength, tag = "" } = await openAddress(url);
  const directory = join(
    userCacheFolder(),
    "earl",
    "remote",
    createHash("sha256").update(url).digest("hex").slice(0, 16),
  );
  const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1) ?? "").replaceAll(/[^\w.-]/g, "_");
  // What says no split is for training.
  const folder = SPLITS.test(name) ? directory : join(directory, "train");
  makeFolders(folder);
  writeFileAtomically(join(folder, name), remoteFileText({ url, bytes: byteLength, hash: tag }));
  return directory;
}
