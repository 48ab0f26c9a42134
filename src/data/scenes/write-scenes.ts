/**
 * Writes a scene dataset: one parquet file a split in OmniEdit's columns, and `dataset.json` that says how it was
 * made. Files are written to a folder beside the final one, which appears only when all of it is there.
 */

import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { ParquetWriter, fileWriter } from "hyparquet-writer";
import { z } from "zod";

import { ConfigError, DataError, EarlError } from "../../errors.ts";
import { encodePng } from "../../images/png.ts";
import { fileSha256 } from "../file-hash.ts";
import {
  HUGGINGFACE_FEATURES,
  OMNIEDIT_COLUMNS,
  OMNIEDIT_SCHEMA,
  type OmniEditRow,
} from "../omniedit-schema.ts";
import { generateScenes, type SceneExample } from "./generate.ts";
import { CELL_SIZE, renderScene } from "./render.ts";
import { SPLITS, type Phrasing, type SceneSplit } from "./scene.ts";

export interface SceneDatasetOptions {
  readonly directory: string;
  readonly seed: number;
  readonly counts: Readonly<Record<SceneSplit, number>>;
  /** Share of the training pairs that get a wrong target, 0…1; default 0. */
  readonly imperfect?: number;
  /** Rows and columns of the grid, 2…8; default 4, which makes pictures of 32 × 32 pixels. */
  readonly cells?: number;
  /** How instructions speak; default "plain". */
  readonly phrasing?: Phrasing;
  /** Replace a scene dataset that lies there already. */
  readonly overwrite?: boolean;
}

export interface SceneProgress {
  readonly split: SceneSplit;
  /** Rows written of all splits together. */
  readonly done: number;
  readonly total: number;
}

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

const RECORD_FILE = "dataset.json";
const OWN_FILES = [...SPLITS.map(splitFile), RECORD_FILE];
/** Lies in a folder that is being written: only such a one may be swept away after a kill. */
const STAGING_FILE = "written-by-earl";
const ROW_GROUP = 1000;

/**
 * Writes train-, validation- and test-00000-of-00001.parquet and dataset.json, and returns the latter. Throws
 * ConfigError for settings out of range, DataError where the folder is taken or cannot be written.
 */
export async function writeScenes(
  options: SceneDatasetOptions,
  onProgress: (progress: SceneProgress) => void = () => {},
): Promise<SceneDatasetRecord> {
  const settings: Settings = { imperfect: 0, cells: 4, phrasing: "plain", overwrite: false, ...options };
  checkSettings(settings);
  const directory = resolve(settings.directory);
  const staging = `${directory}.partial`;
  try {
    await refuseTaken(directory, settings.overwrite);
    await beginStaging(staging);
    const record = await writeSplits(staging, settings, onProgress);
    await writeFile(join(staging, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
    await removeDataset(directory);
    await rm(join(staging, STAGING_FILE));
    await rename(staging, directory);
    return record;
  } catch (cause) {
    // What went wrong first is what the reader needs; a failed clean-up would hide it.
    await removeStaging(staging).catch(() => {});
    if (cause instanceof EarlError || !isSystemError(cause)) throw cause;
    throw new DataError(`Cannot write the dataset to ${settings.directory}: ${cause.message}.`, {
      hint: "Free some space, or choose a folder that you may write to.",
      cause,
    });
  }
}

type Settings = Required<SceneDatasetOptions>;

function checkSettings({ seed, counts, imperfect, cells }: Settings): void {
  const faults = [
    ...SPLITS.filter((split) => !Number.isInteger(counts[split]) || counts[split] < 1).map(
      (split) => `${split} must be a whole number of 1 or more, got ${counts[split]}`,
    ),
    ...(imperfect >= 0 && imperfect <= 1 ? [] : [`imperfect must lie in 0…1, got ${imperfect}`]),
    ...(Number.isInteger(cells) && cells >= 2 && cells <= 8 ? [] : [`cells must be 2 to 8, got ${cells}`]),
    ...(Number.isInteger(seed) && seed >= 0 ? [] : [`seed must be a whole number of 0 or more, got ${seed}`]),
  ];
  if (faults.length > 0) throw new ConfigError(`Scenes cannot be drawn: ${faults.join("; ")}.`);
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
async function refuseTaken(directory: string, overwrite: boolean): Promise<void> {
  if ((await drawnScenes(directory)) !== undefined && !overwrite) {
    throw new DataError(`${directory} holds a dataset already.`, {
      hint: "Choose another folder, or remove this one first.",
    });
  }
  await mkdir(dirname(directory), { recursive: true });
}

/** Makes the folder to write in. Throws DataError where somebody else's has its name. */
async function beginStaging(staging: string): Promise<void> {
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
async function removeStaging(staging: string): Promise<void> {
  const names: string[] = await readdir(staging).catch(() => []);
  if (!names.includes(STAGING_FILE)) return;
  for (const name of [...OWN_FILES, STAGING_FILE]) await rm(join(staging, name), { force: true });
  await rmdir(staging);
}

/** Removes our files by name and then the folder, so that nobody else's file can go with them. */
async function removeDataset(directory: string): Promise<void> {
  for (const name of OWN_FILES) await rm(join(directory, name), { force: true });
  await rmdir(directory).catch((cause: unknown) => {
    if (!isSystemError(cause) || cause.code !== "ENOENT") throw cause;
  });
}

async function writeSplits(
  staging: string,
  settings: Settings,
  onProgress: (progress: SceneProgress) => void,
): Promise<SceneDatasetRecord> {
  const total = SPLITS.reduce((sum, split) => sum + settings.counts[split], 0);
  const records: Partial<Record<SceneSplit, SceneSplitRecord>> = {};
  let before = 0;
  for (const split of SPLITS) {
    const start = before;
    records[split] = await writeSplit(staging, split, settings, (rows) =>
      onProgress({ split, done: start + rows, total }),
    );
    before += settings.counts[split];
  }
  const side = settings.cells * CELL_SIZE;
  return {
    generator: "scenes",
    seed: settings.seed,
    cells: settings.cells,
    phrasing: settings.phrasing,
    pictureSize: [side, side],
    imperfect: settings.imperfect,
    splits: records as Record<SceneSplit, SceneSplitRecord>,
  };
}

async function writeSplit(
  staging: string,
  split: SceneSplit,
  settings: Settings,
  onRows: (rows: number) => void,
): Promise<SceneSplitRecord> {
  const file = splitFile(split);
  const parquet = new ParquetWriter({
    writer: fileWriter(join(staging, file)),
    schema: OMNIEDIT_SCHEMA,
    kvMetadata: [{ key: "huggingface", value: JSON.stringify(HUGGINGFACE_FEATURES) }],
    createdBy: "earl",
  });
  const tasks: Record<string, number> = {};
  const imperfections: Record<string, number> = {};
  let rows = 0;
  for (const batch of batches(generateScenes(requestFor(split, settings)), ROW_GROUP)) {
    const encoded = batch.map(rowOf);
    await parquet.write({
      columnData: OMNIEDIT_COLUMNS.map((name) => ({ name, data: encoded.map((row) => cellOf(row, name)) })),
      rowGroupSize: ROW_GROUP,
    });
    for (const { kind, imperfection } of batch) {
      tasks[kind] = (tasks[kind] ?? 0) + 1;
      if (imperfection !== "none") imperfections[imperfection] = (imperfections[imperfection] ?? 0) + 1;
    }
    rows += batch.length;
    onRows(rows);
  }
  await parquet.finish();
  return { file, rows, sha256: await fileSha256(join(staging, file)), tasks, imperfections };
}

function requestFor(split: SceneSplit, settings: Settings): Parameters<typeof generateScenes>[0] {
  return {
    seed: settings.seed,
    split,
    count: settings.counts[split],
    // Held-out pairs stay right: they are what training is measured by.
    imperfect: split === "train" ? settings.imperfect : 0,
    cells: settings.cells,
    phrasing: settings.phrasing,
  };
}

function rowOf(example: SceneExample): OmniEditRow {
  const [source, target] = [renderScene(example.source), renderScene(example.target)];
  return {
    omni_edit_id: example.id,
    task: example.kind,
    src_img: { bytes: encodePng(source), path: `${example.id}_source.png` },
    edited_img: { bytes: encodePng(target), path: `${example.id}_edited.png` },
    edited_prompt_list: [example.instruction],
    width: source.width,
    height: source.height,
    sc_score_1: null,
    sc_score_2: null,
    sc_reasoning: null,
    pq_score: null,
    o_score: null,
    pq_reasoning: null,
    thought: example.thought,
    imperfection: example.imperfection,
  };
}

/** Parquet's INT64 is a bigint in JavaScript. */
function cellOf(row: OmniEditRow, name: keyof OmniEditRow): unknown {
  const value = row[name];
  return typeof value === "number" && name !== "o_score" ? BigInt(value) : value;
}

function* batches<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let batch: T[] = [];
  for (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function splitFile(split: SceneSplit): string {
  return `${split}-00000-of-00001.parquet`;
}

function isSystemError(cause: unknown): cause is NodeJS.ErrnoException {
  return cause instanceof Error && "syscall" in cause;
}
