/** prepared.json: what a folder of prepared edits was made of, and what came of it. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { DataError } from "../../errors.ts";

export const RECORD_FILE = "prepared.json";
const VERSION = 1;

const SourceFile = z.object({
  folder: z.string(),
  file: z.string(),
  split: z.enum(["train", "validation", "test"]),
  rows: z.int(),
  bytes: z.int(),
  sample: z.string().exactOptional(),
  sha256: z.string().exactOptional(),
});

const SplitRecord = z.object({
  /** Of the dataset. */
  rows: z.int().min(0),
  shards: z.int().min(0),
  /** Rows that are here; absent until the split is done. */
  prepared: z.int().min(0).exactOptional(),
  /** Rows that could not be read; absent until the split is done. */
  broken: z.int().min(0).exactOptional(),
});

export const PreparedRecord = z.object({
  version: z.literal(VERSION),
  /** The dataset as the config declared it. */
  data: z.looseObject({ kind: z.string() }),
  /** Repositories of the Hugging Face hub that it was read from, each at its commit. */
  hub: z
    .array(z.object({ name: z.string(), kind: z.enum(["model", "dataset"]), commit: z.string() }))
    .readonly()
    .exactOptional(),
  /** What made the codes: kind and fingerprint. */
  vision: z.object({ kind: z.string(), fingerprint: z.string() }),
  pictures: z.boolean(),
  rowsPerShard: z.int().min(1),
  files: z.array(SourceFile).readonly(),
  splits: z.partialRecord(z.enum(["train", "validation", "test"]), SplitRecord),
});
export type PreparedRecord = Readonly<z.infer<typeof PreparedRecord>>;

export const recordOf = (fields: Omit<PreparedRecord, "version">): PreparedRecord => ({
  version: VERSION,
  ...fields,
});

/** Of what shards are made of: those of another work are not gone on with. */
export function workOf({ data, vision, pictures, rowsPerShard, files }: PreparedRecord): string {
  const contents = files.map(({ file, split, rows, bytes, sample, sha256 }) => ({
    file,
    split,
    rows,
    bytes,
    content: sha256 ?? sample,
  }));
  const parts = { data: settingsOf(data), vision, pictures, rowsPerShard, contents };
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

/** Places may move; what lies there is compared by its content. */
const PLACES = new Set(["directory", "rlDirectory", "thoughtsFrom", "leaveOut"]);
/** Say nothing of what a row becomes. */
const OF_TRAINING = new Set(["thoughts", "maxBrokenShare"]);

/** Settings by which rows are read, by name in one order. */
function settingsOf(data: PreparedRecord["data"]): [name: string, value: unknown][] {
  return Object.entries(data)
    .filter(([name]) => !PLACES.has(name) && !OF_TRAINING.has(name))
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Files by split and name; one of a name that came before (a list of thoughts beside it) is another. */
function named(files: PreparedRecord["files"]): Map<string, PreparedRecord["files"][number]> {
  const all = new Map<string, PreparedRecord["files"][number]>();
  for (const file of files) {
    const name = `${file.split}/${file.file}`;
    let free = name;
    for (let other = 2; all.has(free); other += 1) free = `${name} (${other})`;
    all.set(free, file);
  }
  return all;
}

/** The record of a folder; undefined where it has none. Throws DataError where it is damaged or of a newer earl. */
export function readPreparedRecord(directory: string): PreparedRecord | undefined {
  const path = join(directory, RECORD_FILE);
  if (!existsSync(path)) return undefined;
  const hint = "Prepare the data again into another folder, or restore the file.";
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new DataError(`${path} cannot be read as JSON.`, { hint, cause });
  }
  const record = PreparedRecord.safeParse(content);
  if (record.success) return record.data;
  throw new DataError(`${path} is no record of prepared edits that this earl knows.`, {
    hint,
    cause: record.error,
  });
}

/** What differs between what a folder was made of and what it would be made of now, a clause each. */
export function recordDifference(before: PreparedRecord, now: PreparedRecord): string[] {
  const differences: string[] = [];
  const compare = (what: string, one: unknown, other: unknown): void => {
    const [was, is] = [JSON.stringify(one), JSON.stringify(other)];
    if (was !== is) differences.push(`${what} was ${was} and is ${is}`);
  };
  compare("the dataset's kind", before.data.kind, now.data.kind);
  const [was, is] = [settingsOf(before.data), settingsOf(now.data)].map((all) => new Map(all));
  for (const name of new Set([...was!.keys(), ...is!.keys()])) {
    if (name !== "kind") compare(`data.${name}`, was!.get(name) ?? null, is!.get(name) ?? null);
  }
  compare("the vision tokenizer", before.vision, now.vision);
  compare("--pictures", before.pictures, now.pictures);
  compare("--rows-per-shard", before.rowsPerShard, now.rowsPerShard);
  const known = named(before.files);
  for (const [name, file] of named(now.files)) {
    const earlier = known.get(name);
    known.delete(name);
    if (earlier === undefined) {
      // A split that is prepared later is no change.
      if (before.splits[file.split] !== undefined) differences.push(`${name} is new`);
    } else if (earlier.rows !== file.rows)
      differences.push(`${name} had ${earlier.rows} rows and has ${file.rows}`);
    else if (
      (earlier.sha256 ?? earlier.sample) !== (file.sha256 ?? file.sample) ||
      earlier.bytes !== file.bytes
    ) {
      differences.push(`${name} has other content`);
    }
  }
  for (const [name, { split }] of known) {
    if (now.files.some((file) => file.split === split)) differences.push(`${name} is gone`);
  }
  return differences;
}
