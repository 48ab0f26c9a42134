/** Picture files that somebody names: read within bounds, whatever lies behind the name. */

import { open } from "node:fs/promises";

import { DataError } from "../errors.ts";
import { formatBytes } from "../format.ts";

/** More than any picture of the size that is decoded takes, and read in a second. */
const MOST_BYTES = 256 * 2 ** 20;
const CHUNK_BYTES = 2 ** 20;

/**
 * The bytes of a picture file; pipes and devices are read to their end. Throws DataError where it cannot be read, is a
 * folder, or has no end within 256 MiB.
 */
export async function readPictureFile(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const chunks: Uint8Array[] = [];
    let size = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, null);
      if (bytesRead === 0) {
        const { buffer: whole, byteOffset } = Buffer.concat(chunks, size);
        return new Uint8Array(whole, byteOffset, size);
      }
      chunks.push(buffer.subarray(0, bytesRead));
      size += bytesRead;
      if (size > MOST_BYTES) {
        throw new DataError(`${path} is larger than ${formatBytes(MOST_BYTES)}.`, {
          hint: "Give the picture itself, or a smaller one.",
        });
      }
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const reason =
      cause instanceof Error && "code" in cause && cause.code === "EISDIR" ? ", which is a folder" : "";
    throw new DataError(`Cannot read the picture ${path}${reason}.`, { hint: "Check the path.", cause });
  }
}
