/** What tells a checkpoint from another one, without reading all of a large one's weights. */

import { createHash, type Hash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

import { isPolicyFile } from "../runs/checkpoint-state.ts";

/** Of each file so much is read at its beginning and at its end. */
const READ_BYTES = 16 * 2 ** 20;
const POLICY = /\.(?:json|safetensors|tiktoken|txt|model)$/;

/** SHA-256, in hex, over names, sizes and contents of a policy's files; of those above 32 MiB the two ends are read. */
export async function checkpointIdentity(directory: string): Promise<string> {
  const hash = createHash("sha256");
  const files = readdirSync(directory)
    .filter((file) => POLICY.test(file) && isPolicyFile(file) && file !== "state.json")
    .toSorted();
  for (const file of files) {
    const path = join(directory, file);
    const { size } = statSync(path);
    hash.update(JSON.stringify([file, size]));
    await read(path, size, hash);
  }
  return hash.digest("hex");
}

async function read(path: string, size: number, hash: Hash): Promise<void> {
  await using file = await open(path);
  const pieces =
    size <= 2 * READ_BYTES
      ? [[0, size]]
      : [
          [0, READ_BYTES],
          [size - READ_BYTES, READ_BYTES],
        ];
  for (const [start = 0, length = 0] of pieces) {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    hash.update(buffer.subarray(0, bytesRead));
  }
}
