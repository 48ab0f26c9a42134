/**
 * A few bytes in the place of a file that was not fetched: they say where it can be read in pieces. Folders of the hub's
 * datasets are made of these, so that one row of a terabyte costs one row.
 */

import { readFileSync, statSync } from "node:fs";

import { z } from "zod";

const FIRST_LINE = "earl remote file, version 1\n";
/** No such file is longer. */
export const REMOTE_FILE_BYTES = 4096;

const RemoteFile = z.object({
  url: z.url({ protocol: /^https?$/ }),
  bytes: z.int().min(0),
  /** SHA-256 or Git's SHA-1, as the hub promises it. */
  hash: z.string(),
});
export type RemoteFile = Readonly<z.infer<typeof RemoteFile>>;

export function remoteFileText(file: RemoteFile): string {
  return `${FIRST_LINE}${JSON.stringify(file)}\n`;
}

/** What a file that begins like this stands for; undefined where it is a file of its own. */
export function parseRemoteFile(start: Uint8Array): RemoteFile | undefined {
  const text = Buffer.from(start.subarray(0, REMOTE_FILE_BYTES)).toString("utf8");
  if (!text.startsWith(FIRST_LINE)) return undefined;
  try {
    return RemoteFile.parse(JSON.parse(text.slice(FIRST_LINE.length)));
  } catch {
    return undefined;
  }
}

/** What the file at a path stands for; undefined where it is a file of its own, or none. */
export function remoteFileAt(path: string): RemoteFile | undefined {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return size === 0 || size > REMOTE_FILE_BYTES ? undefined : parseRemoteFile(readFileSync(path));
}
