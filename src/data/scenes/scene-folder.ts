/**
 * The folder of a scene dataset: what earl wrote into it, and how it gets its place. Whatever else lies there is
 * somebody's, and is never touched.
 */

import { mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

import { DataError } from "../../errors.ts";
import { fileSha256 } from "../file-hash.ts";
import { SPLITS, type Phrasing, type SceneSplit } from "./scene.ts";

/** What `dataset.json` holds. */
export interface SceneDatasetRecord {
  readonly generator: "scenes";
  readonly seed: number;
  readonly cells: number;
  readonly phrasing: Phrasing;
  readonly pictureSize: readonly [number, number];
  /** Share of the training rows asked to be wrong. */
  readonly imperfect: number;
  readonly splits: Readonly<Record<SceneSplit, SceneSplitRecord>>;
}

export interface SceneSplitRecord {
  readonly file: string;
  readonly rows: number;
  readonly sha256: string;
  /** Rows of each kind of edit. */
  readonly tasks: Readonly<Record<string, number>>;
  /** Rows that are wrong in each way; empty where all are right. */
  readonly imperfections: Readonly<Record<string, number>>;
}

export const RECORD_FILE = "dataset.json";
const OWN_FILES = [...SPLITS.map(splitFile), RECORD_FILE];
/** Lies in a folder that is being written: only such a one may be swept away after a kill. */
const STAGING_FILE = "written-by-earl";
export function splitFile(split: SceneSplit): string {
  return `${split}-00000-of-00001.parquet`;
}

const OwnRecord = z.looseObject({
  generator: z.literal("scenes"),
  splits: z.record(z.enum(SPLITS), z.looseObject({ file: z.string(), sha256: z.string() })),
});

/**
 * The record of the scene dataset that lies in a folder; undefined where nothing does. Throws DataError where anything
 * lies there that earl did not write, or that was changed since.
 */
export async function drawnScenes(directory: string): Promise<SceneDatasetRecord | undefined> {
  const names = await readdir(directory).catch((cause: unknown) => {
    if (isSystemError(cause) && cause.code === "ENOENT") return [];
    throw cause;
  });
  if (names.length === 0) return undefined;
  const foreign = names.filter((name) => !OWN_FILES.includes(name));
  if (foreign.length > 0) {
    throw new DataError(`${directory} holds other files (${foreign.slice(0, 3).join(", ")}).`, {
      hint: "Choose an empty folder or one that does not exist yet.",
    });
  }
  const record = await readRecord(join(directory, RECORD_FILE));
  const files = new Map(
    Object.values(record?.splits ?? {}).map(({ file, sha256 }) => [file, sha256] as const),
  );
  for (const name of names) {
    if (name === RECORD_FILE && record !== undefined) continue;
    if (files.get(name) === (await fileSha256(join(directory, name)))) continue;
    throw new DataError(`${join(directory, name)} was not written by earl, or was changed since.`, {
      hint: "Choose another folder; nothing in this one is replaced.",
    });
  }
  return record;
}

/** Undefined where there is none that earl wrote. */
async function readRecord(path: string): Promise<SceneDatasetRecord | undefined> {
  try {
    return OwnRecord.parse(JSON.parse(await readFile(path, "utf8"))) as unknown as SceneDatasetRecord;
  } catch {
    return undefined;
  }
}

/** Only an empty folder, or with `overwrite` one that holds a scene dataset and nothing else, may be replaced. */
export async function refuseTaken(directory: string, overwrite: boolean): Promise<void> {
  if ((await drawnScenes(directory)) !== undefined && !overwrite) {
    throw new DataError(`${directory} holds a dataset already.`, {
      hint: "Choose another folder, or remove this one first.",
    });
  }
  await mkdir(dirname(directory), { recursive: true });
}

/** Makes the folder to write in. Throws DataError where somebody else's has its name. */
export async function beginStaging(staging: string): Promise<void> {
  await removeStaging(staging);
  await mkdir(staging).catch((cause: unknown) => {
    if (!isSystemError(cause) || cause.code !== "EEXIST") throw cause;
    throw new DataError(`${staging} is in the way: the dataset is written there first.`, {
      hint: "Move it away, or choose another folder for the dataset.",
    });
  });
  await writeFile(join(staging, STAGING_FILE), "");
}

/** Removes what a killed or failed writing left; a folder that is not ours stays as it is. */
export async function removeStaging(staging: string): Promise<void> {
  const names: string[] = await readdir(staging).catch(() => []);
  if (!names.includes(STAGING_FILE)) return;
  for (const name of [...OWN_FILES, STAGING_FILE]) await rm(join(staging, name), { force: true });
  await rmdir(staging);
}

/**
 * Gives what was written its place, once it is on the disk. Our files are removed by name and the folder only when it is empty, so that nobody
 * else's file can go with them; a folder that somebody stands in stays, and the files move into it.
 */
export async function putInPlace(staging: string, directory: string): Promise<void> {
  for (const name of OWN_FILES) await flush(join(staging, name));
  await flush(staging);
  for (const name of OWN_FILES.toReversed()) await rm(join(directory, name), { force: true });
  await rm(join(staging, STAGING_FILE));
  if (process.cwd() === directory) {
    for (const name of OWN_FILES) await rename(join(staging, name), join(directory, name));
    await rmdir(staging);
    await flush(directory);
    return;
  }
  await rmdir(directory).catch((cause: unknown) => {
    if (!isSystemError(cause) || cause.code !== "ENOENT") throw cause;
  });
  await rename(staging, directory);
  await flush(dirname(directory));
}

/** Writes a file, or a folder's list of names, through to the disk. */
async function flush(path: string): Promise<void> {
  await using file = await open(path);
  // Some file systems cannot flush a folder and say so.
  await file.sync().catch((cause: unknown) => {
    if (!isSystemError(cause) || !["EINVAL", "EISDIR", "EPERM", "ENOTSUP"].includes(cause.code ?? ""))
      throw cause;
  });
}

export function isSystemError(cause: unknown): cause is NodeJS.ErrnoException {
  return cause instanceof Error && "syscall" in cause;
}
