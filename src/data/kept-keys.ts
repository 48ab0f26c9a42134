/**
 * Numbers of 64 bits for every row of a dataset, such as a hash of its picture. Every row must be read for them, so they
 * are kept in the user's cache, under a name that other files, other options, or the same files after a change do not have.
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { userCacheFolder } from "../config/env.ts";
import { isBroken, type EditDataset, type EditExample } from "./edit-dataset.ts";

/** What a row, or a picture, is known by, in 64 bits. */
export type Key = bigint;

/** SHA-256, cut to a number of 64 bits. */
export function keyOf(text: string | Uint8Array): Key {
  return createHash("sha256").update(text).digest().readBigUInt64BE(0);
}

export interface KeyReading {
  /** Which keys they are, and whatever else they depend on besides the files: options of the dataset. */
  readonly name: string;
  readonly options: unknown;
  /** The keys of a row, as many for each. */
  readonly keysOf: (example: EditExample) => readonly Key[];
  readonly columns: number;
  /** Hears how many rows were read, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const READ_AT_ONCE = 64;
const KEY_BYTES = 8;
/** Raised whenever the same rows may get other keys. */
const VERSION = 2;

/**
 * The columns of keys, each by number of the row. A row that cannot be read has a key of its own in all of them, and is
 * met again by whoever reads it.
 */
export async function keptKeys(dataset: EditDataset, reading: KeyReading): Promise<BigUint64Array[]> {
  const { columns } = reading;
  const { count } = dataset;
  const folder = join(userCacheFolder(), "earl", "row-keys");
  const path = join(folder, `${await identityOf(dataset, reading)}.bin`);
  const kept = await readKept(path, columns * count);
  const keys = kept ?? (await readKeys(dataset, reading));
  if (kept === undefined) await keep(path, folder, keys);
  return Array.from({ length: columns }, (_, column) => keys.subarray(column * count, (column + 1) * count));
}

async function readKeys(
  dataset: EditDataset,
  { columns, keysOf, onProgress }: KeyReading,
): Promise<BigUint64Array<ArrayBuffer>> {
  const { count } = dataset;
  const keys = new BigUint64Array(columns * count);
  for (let start = 0; start < count; start += READ_AT_ONCE) {
    const length = Math.min(READ_AT_ONCE, count - start);
    const rows = await dataset.read(Array.from({ length }, (_, index) => start + index));
    for (const [index, row] of rows.entries()) {
      const number = start + index;
      const own = isBroken(row) ? undefined : keysOf(row);
      for (let column = 0; column < columns; column += 1) {
        keys[column * count + number] = own?.[column] ?? keyOf(`broken ${number}`);
      }
    }
    onProgress?.(start + length, count);
  }
  return keys;
}

/** Size and time of change tell files apart here: a wrong guess costs a wrong key, a whole hash hours. */
async function identityOf(
  { directory, split, count, files }: EditDataset,
  { name, options }: KeyReading,
): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([VERSION, name, options, directory, split, count]));
  for (const { path, rows } of files) {
    const about = await stat(path).catch(() => undefined);
    hash.update(JSON.stringify([resolve(path), rows, about?.size, about?.mtimeMs]));
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
