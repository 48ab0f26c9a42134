/**
 * Writes a scene dataset: one parquet file a split in OmniEdit's columns, and `dataset.json` that says how it was
 * made. Files are written to a folder beside the final one, which appears only when all of it is there.
 */

import { realpath, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { ParquetWriter, fileWriter } from "hyparquet-writer";

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
import {
  beginStaging,
  isSystemError,
  putInPlace,
  RECORD_FILE,
  refuseTaken,
  removeStaging,
  splitFile,
  type SceneDatasetRecord,
  type SceneSplitRecord,
} from "./scene-folder.ts";
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
  const given = resolve(settings.directory);
  // What a link leads to is replaced, not the link.
  const directory = await realpath(given).catch(() => given);
  const staging = `${directory}.partial`;
  try {
    await refuseTaken(directory, settings.overwrite);
    await beginStaging(staging);
    const record = await writeSplits(staging, settings, onProgress);
    await writeFile(join(staging, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
    // Somebody may have put something there meanwhile.
    await refuseTaken(directory, settings.overwrite);
    await putInPlace(staging, directory);
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
