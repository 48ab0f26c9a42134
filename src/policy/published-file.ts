/** Small files that are published beside weights, most of them JSON. */

import { readFile, stat } from "node:fs/promises";
import { CheckpointError } from "../errors.ts";
import { refuseLfsPointer } from "../lfs-pointer.ts";

/** The longest such file by far is a vocabulary of some 20 MB; JavaScript has no text beyond 512 MB. */
const MOST_BYTES = 256e6;

/**
 * The content of a small published file. Throws CheckpointError where it cannot be read, is a Git LFS pointer, or is
 * longer than any such file; `missing` tells the reader what to do where it is not there.
 */
export async function readPublishedFile(path: string, missing: string): Promise<Buffer> {
  let content: Buffer;
  try {
    // Asked first, since opening a pipe waits for its writer, and a device may never end.
    await requireSmallFile(path);
    content = await readFile(path);
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(`Cannot read ${path}.`, { cause, hint: missing });
  }
  refuseLfsPointer(path, content, CheckpointError);
  return content;
}

async function requireSmallFile(path: string): Promise<void> {
  const found = await stat(path);
  if (found.isFile() && found.size <= MOST_BYTES) return;
  const what = found.isFile() ? `${found.size} bytes are too many for such a file` : "it is no plain file";
  throw new CheckpointError(`Cannot read ${path}: ${what}.`, {
    hint: "Check the path, or download the file again.",
  });
}

/** The same as parsed JSON. Throws CheckpointError where it is none. */
export async function readJsonFile(path: string, missing: string): Promise<unknown> {
  const content = await readPublishedFile(path, missing);
  try {
    return JSON.parse(content.toString("utf8"));
  } catch (cause) {
    throw new CheckpointError(`${path} is not JSON.`, { cause, hint: "Download the file again." });
  }
}
