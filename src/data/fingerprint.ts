/**
 * What tells a dataset's files from other ones: rows, size, and a hash of the content. Small files are hashed whole. Of
 * large ones a sample is: hours of reading before a run begins would be paid for at every start and resume. Large files of
 * the hub bring their hash.
 */

import { createHash } from "node:crypto";
import { open, realpath, type FileHandle } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { remoteFileAt } from "./containers/remote-file.ts";
import type { DatasetSplit, EditDataset } from "./edit-dataset.ts";
import { fileSha256 } from "./file-hash.ts";

/** A file no larger is hashed whole. */
const WHOLE_BYTES = 8 * 2 ** 20;
/** The sample of a larger one: blocks at even distances, and its end, where parquet says where everything lies. */
const BLOCKS = 16;
const BLOCK_BYTES = 64 * 2 ** 10;
const END_BYTES = 256 * 2 ** 10;

export interface FileFingerprint {
  /** The dataset's folder, as the config says it. */
  readonly folder: string;
  /** Name of the source, in a mixture. */
  readonly source?: string;
  /** Name within the folder. */
  readonly file: string;
  readonly split: DatasetSplit;
  readonly rows: number;
  readonly bytes: number;
  /** UTC, ISO 8601. Not compared: a copied file has another. */
  readonly modified: string;
  /** SHA-256 of size and sample, in hex; absent where the file is hashed whole. */
  readonly sample?: string;
  /** Of the whole file, in hex; absent where it is large and nobody asked for it. */
  readonly sha256?: string;
}

/** A fingerprint is completed at no more than this many bytes a second: whoever trains needs the disk and the processor. */
const BYTES_A_SECOND = 100 * 2 ** 20;
const STRETCH_BYTES = 2 ** 20;

type Fingerprinted = Pick<EditDataset, "directory" | "split" | "files">;

/**
 * One of every file that the splits are read from. Equal files always have equal fingerprints. What they can miss is a
 * change inside a file of more than 8 MiB that keeps its size, its end and the blocks that are looked at, 1 MiB of them
 * at even distances: rows written anew are noticed, since they move what lies behind them, a few flipped bits may not be.
 * With `whole` every file is read to its end.
 */
export async function datasetFingerprint(
  datasets: readonly Fingerprinted[],
  { whole = false }: { readonly whole?: boolean } = {},
): Promise<FileFingerprint[]> {
  const fingerprints = new Map<string, FileFingerprint>();
  // A file may serve several splits, stages and sources.
  const contents = new Map<string, FileContent>();
  for (const { directory, split, files } of datasets) {
    for (const { path, rows, folder = directory, source } of files) {
      const file = relative(folder, path).split(sep).join("/");
      const content = contents.get(path) ?? (await contentOf(path, whole));
      contents.set(path, content);
      const place = { folder, ...(source !== undefined && { source }), file, split };
      fingerprints.set(useOf(place), { ...place, rows, ...content });
    }
  }
  return [...fingerprints.values()];
}

type FileContent = Pick<FileFingerprint, "bytes" | "modified" | "sample" | "sha256">;

async function contentOf(path: string, whole: boolean): Promise<FileContent> {
  await using handle = await open(path);
  const { size, mtime } = await handle.stat();
  const modified = mtime.toISOString();
  // What is read in pieces is known by what the hub promises of it.
  const remote = remoteFileAt(path);
  if (remote !== undefined) return { bytes: remote.bytes, modified, ...promisedHash(remote.hash) };
  const about = { bytes: size, modified };
  if (size <= WHOLE_BYTES) return { ...about, sha256: await fileSha256(path) };
  // Compared with its hash when it was fetched. A sample besides would tell it from the same file read in pieces.
  const promised = promisedHash(basename(await realpath(path)));
  if (promised.sha256 !== undefined && !whole) return { ...about, ...promised };
  const sample = await sampleOf(handle, size);
  return whole ? { ...about, sample, sha256: await fileSha256(path) } : { ...about, sample };
}

/** The hash that the hub calls a large file by, in its cache too. */
function promisedHash(name: string): { readonly sha256?: string } {
  return /^[0-9a-f]{64}$/.test(name) ? { sha256: name } : {};
}

async function sampleOf(handle: FileHandle, size: number): Promise<string> {
  const hash = createHash("sha256").update(`${size}\n`);
  const end = size - END_BYTES;
  for (let block = 0; block < BLOCKS; block += 1) {
    hash.update(await bytesAt(handle, Math.floor(((end - BLOCK_BYTES) * block) / (BLOCKS - 1)), BLOCK_BYTES));
  }
  hash.update(await bytesAt(handle, end, END_BYTES));
  return hash.digest("hex");
}

/**
 * Reads the files that were hashed by sample to their ends, slowly, and tells each hash of a whole file; ends without a
 * word when the signal is aborted. Nothing waits for it, and it keeps no process alive. Throws where a file cannot be
 * read.
 */
export async function completeFingerprints(
  fingerprints: readonly FileFingerprint[],
  signal: AbortSignal,
  onWhole: (fingerprint: FileFingerprint) => void,
): Promise<void> {
  const hashes = new Map<string, string>();
  for (const one of fingerprints) {
    if (one.sha256 !== undefined) continue;
    const path = join(one.folder, one.file);
    // Here lies no more of it than where it is; what was read in pieces may be fetched later.
    if (remoteFileAt(path) !== undefined) continue;
    const sha256 = hashes.get(path) ?? (await slowSha256(path, signal));
    if (sha256 === undefined) return;
    hashes.set(path, sha256);
    onWhole({ ...one, sha256 });
  }
}

/** Undefined where the signal came first. */
async function slowSha256(path: string, signal: AbortSignal): Promise<string | undefined> {
  await using handle = await open(path);
  const hash = createHash("sha256");
  for (let position = 0; ; position += STRETCH_BYTES) {
    if (signal.aborted) return undefined;
    const bytes = await bytesAt(handle, position, STRETCH_BYTES);
    if (bytes.length === 0) return hash.digest("hex");
    hash.update(bytes);
    await delay((1000 * STRETCH_BYTES) / BYTES_A_SECOND, undefined, { ref: false });
  }
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  return bytes.subarray(0, bytesRead);
}

/**
 * What differs between the files a run began with and those there are now, a clause each; none where nothing does. Splits
 * that only one of them has are not compared: a run may be resumed without its last evaluation.
 */
export function fingerprintDifference(
  before: readonly FileFingerprint[],
  now: readonly FileFingerprint[],
): string[] {
  const splits = new Set(now.map(splitOf));
  const known = new Set(before.map(splitOf));
  const earlier = new Map(before.filter((one) => splits.has(splitOf(one))).map((one) => [useOf(one), one]));
  // What happened to a file is said once, however often it is used.
  const differences = new Set<string>();
  for (const file of now.filter((one) => known.has(splitOf(one)))) {
    const first = earlier.get(useOf(file));
    earlier.delete(useOf(file));
    const change = first === undefined ? "is new" : changeOf(first, file);
    if (change !== undefined) differences.add(`${nameOf(file)} ${change}`);
  }
  for (const file of earlier.values()) differences.add(`${nameOf(file)} is gone`);
  return [...differences];
}

type Place = Pick<FileFingerprint, "folder" | "source" | "file" | "split">;

const splitOf = ({ folder, split }: Place): string => `${folder}/${split}`;
const nameOf = ({ folder, file }: Place): string => `${folder}/${file}`;
const useOf = (place: Place): string => JSON.stringify([place.split, place.source, nameOf(place)]);

/** Whether they are of one place and use, whatever lies there. */
export function sameFile(one: FileFingerprint, other: FileFingerprint): boolean {
  return useOf(one) === useOf(other);
}

function changeOf(before: FileFingerprint, now: FileFingerprint): string | undefined {
  if (before.rows !== now.rows) return `had ${before.rows} rows and has ${now.rows}`;
  if (before.bytes !== now.bytes) return `had ${before.bytes} bytes and has ${now.bytes}`;
  if (differs(before.sha256, now.sha256) || differs(before.sample, now.sample)) return "has other content";
  return undefined;
}

/** What only one of them says is no difference. */
function differs(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
