/**
 * Which source picture each row of a dataset has. Every row must be read for that, so what was found is kept in the
 * user's cache, under a name that other files, or the same ones after a change, do not have.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { userCacheFolder } from "../../config/env.ts";
import { isBroken, type EditDataset, type EditExample } from "../edit-dataset.ts";
import { keyOf, type RowKeys, type SourceKey } from "./held-out.ts";

const READ_AT_ONCE = 64;
const KEY_BYTES = 8;
/** Raised whenever the same rows may get other keys. */
const VERSION = 1;

export interface KeyReading {
  /** Folder of the kept keys; the user's cache unless given. */
  readonly folder?: string;
  /** Hears how many rows were read, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Of every row, by number: a hash of its source picture's bytes or codes, and one of its `sourceKey`, or the same where
 * it has none. A row that cannot be read has keys of its own, and is met again by whoever reads it.
 */
export async function sourceKeys(dataset: EditDataset, reading: KeyReading = {}): Promise<RowKeys> {
  const { folder = join(userCacheFolder(), "earl", "source-keys") } = reading;
  const path = join(folder, `${await identityOf(dataset)}.bin`);
  const kept = await readKept(path, 2 * dataset.count);
  const keys = kept ?? (await readKeys(dataset, reading));
  if (kept === undefined) await keep(path, folder, keys);
  return { pictures: keys.subarray(0, dataset.count), sessions: keys.subarray(dataset.count) };
}

/** Those of the pictures, then those of the sessions. */
async function readKeys(
  dataset: EditDataset,
  { onProgress }: KeyReading,
): Promise<BigUint64Array<ArrayBuffer>> {
  const { count } = dataset;
  const keys = new BigUint64Array(2 * count);
  for (let start = 0; start < count; start += READ_AT_ONCE) {
    const length = Math.min(READ_AT_ONCE, count - start);
    const rows = await dataset.read(Array.from({ length }, (_, index) => start + index));
    for (const [index, row] of rows.entries()) {
      const number = start + index;
      const picture = isBroken(row) ? keyOf(`broken ${number}`) : pictureKeyOf(row);
      keys[number] = picture;
      const session = isBroken(row) ? undefined : row.sourceKey;
      keys[count + number] = session === undefined ? picture : keyOf(`session ${session}`);
    }
    onProgress?.(start + length, count);
  }
  return keys;
}

/** Pictures that are equal to the byte are the same; those that were stored anew are found by `earl data overlap`. */
function pictureKeyOf({ id, source, codes }: EditExample): SourceKey {
  if (source !== undefined) return keyOf(source);
  if (codes === undefined) return keyOf(`id ${id}`);
  const { rows, columns, codes: grid } = codes.source;
  return keyOf(`codes ${rows} ${columns} ${grid.join(" ")}`);
}

/** Size and time of change tell files apart here: a wrong guess costs a wrong split, a whole hash hours. */
async function identityOf({ directory, split, count, files }: EditDataset): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([VERSION, directory, split, count]));
  for (const { path, rows } of files) {
    const about = await stat(path).catch(() => undefined);
    hash.update(JSON.stringify([path, rows, about?.size, about?.mtimeMs]));
  }
  return hash.digest("hex").slice(0, 32);
}

async function readKept(path: string, count: number): Promise<BigUint64Array<ArrayBuffer> | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes?.length !== count * KEY_BYTES) return undefined;
  // A file's bytes may lie at any place, numbers only at multiples of their size.
  return new BigUint64Array(Uint8Array.from(bytes).buffer);
}

/** Whole or not at all; where the cache cannot be written, the next run reads the rows again. */
async function keep(path: string, folder: string, keys: BigUint64Array<ArrayBuffer>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    const partial = `${path}.${process.pid}`;
    await writeFile(partial, new Uint8Array(keys.buffer));
    await rename(partial, path);
  } catch {
    // Nothing is lost but time.
  }
}
