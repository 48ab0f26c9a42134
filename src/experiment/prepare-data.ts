/**
 * Encodes a dataset once: pictures at the size that the policy reads, their codes, and what belongs to them, in shards
 * that training reads instead. Shards are written whole, so whatever stops the work costs one of them at most.
 */

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { decodeExample, type DatasetSplit, type EditExample } from "../data/edit-dataset.ts";
import { datasetFingerprint } from "../data/fingerprint.ts";
import type { OpenDataset } from "../data/open-dataset.ts";
import {
  readPreparedRecord,
  RECORD_FILE,
  recordDifference,
  recordOf,
  workOf,
  type PreparedRecord,
} from "../data/prepared/prepared-record.ts";
import type { PreparedRow } from "../data/prepared/prepared-schema.ts";
import { readShardNote, shardBytes, shardName } from "../data/prepared/prepared-shard.ts";
import { madeOfRows } from "../edits/made-of-rows.ts";
import { fittedPictures, pairOf, withFittedBoxes, type Pictures } from "../edits/prepare-edits.ts";
import { DataError } from "../errors.ts";
import { encodePng } from "../images/png.ts";
import type { Picture } from "../images/picture.ts";
import { isAbandoned, placeOfTemporary, writeFileAtomically } from "../runs/atomic-write.ts";
import { makeFolders } from "../runs/writable-place.ts";
import { VISION_FILE, type VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import { visionFingerprint } from "../tokens/vision-fingerprint.ts";
import { sourceKeyOf } from "./source-key-of.ts";

/** Edits whose pictures are encoded in one call, so that a host can share them out. */
const ENCODED_AT_ONCE = 16;

export interface PreparationRequest {
  /** The dataset as the config declares it, for the record. */
  readonly data: PreparedRecord["data"];
  /** The commits of what was named on the hub. */
  readonly hub?: NonNullable<PreparedRecord["hub"]>;
  readonly splits: readonly OpenDataset[];
  readonly vision: VisionTokenizer;
  readonly directory: string;
  /** Whether pictures are kept beside their codes. */
  readonly pictures: boolean;
  readonly rowsPerShard: number;
  /** When it aborts, the work rejects with its reason; whole shards stay. */
  readonly signal: AbortSignal;
  /** Hears how many rows are done, of all splits, and how many of them were done before. */
  readonly onRows: (done: number, earlier: number) => void;
}

/**
 * Prepares what is missing and returns the record, which is in the folder, too. Throws DataError where the folder holds
 * something else, or was begun with other data or settings; EngineError where the disk is full.
 */
export async function prepareData(request: PreparationRequest): Promise<PreparedRecord> {
  const { data, hub = [], splits, vision, directory, pictures, rowsPerShard } = request;
  const before = readPreparedRecord(directory);
  if (before === undefined) refuseForeign(directory);
  const files = (await datasetFingerprint(splits)).map(
    // A copy of the same files has other times.
    ({ modified: _modified, ...file }) => file,
  );
  const planned = Object.fromEntries(
    splits.map(({ split, count }) => [split, { rows: count, shards: Math.ceil(count / rowsPerShard) }]),
  );
  const fingerprint = await visionFingerprint(vision);
  let record = recordOf({
    data,
    ...(hub.length > 0 && { hub }),
    vision: fingerprint,
    pictures,
    rowsPerShard,
    files,
    splits: planned,
  });
  if (before !== undefined) {
    refuseOther(directory, before, record);
    record = withEarlier(record, before);
  }
  makeFolders(directory);
  removeAbandoned(directory);
  const save = (): void =>
    writeFileAtomically(join(directory, RECORD_FILE), `${JSON.stringify(record, null, 2)}\n`);
  for (const [name, content] of vision.files()) writeFileAtomically(join(directory, name), content);
  save();
  let [done, earlier] = [0, 0];
  for (const dataset of splits) {
    const { split, count } = dataset;
    const result = await prepareSplit(dataset, request, workOf(record), (rows, isEarlier) => {
      done += rows;
      if (isEarlier) earlier += rows;
      request.onRows(done, earlier);
    });
    const shards = Math.ceil(count / rowsPerShard);
    record = { ...record, splits: { ...record.splits, [split]: { rows: count, shards, ...result } } };
    save();
  }
  return record;
}

/** What writes that were killed left. */
function removeAbandoned(directory: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (placeOfTemporary(name) !== undefined && isAbandoned(path)) rmSync(path, { force: true });
  }
}

/** Splits and files of an earlier sitting that this one does not have stay in the record. */
function withEarlier(record: PreparedRecord, before: PreparedRecord): PreparedRecord {
  const has = new Set(Object.keys(record.splits));
  const files = [...before.files.filter(({ split }) => !has.has(split)), ...record.files];
  return { ...record, files, splits: { ...before.splits, ...record.splits } };
}

/** Throws DataError where something else than prepared edits lies there. */
function refuseForeign(directory: string): void {
  if (!existsSync(directory)) return;
  const found = readdirSync(directory).filter((name) => placeOfTemporary(name) === undefined);
  if (found.length === 0) return;
  throw new DataError(
    `${directory} holds ${found[0]}, and no ${RECORD_FILE}: it is no folder of prepared edits.`,
    {
      hint: "Choose a folder that is empty or not there yet.",
    },
  );
}

function refuseOther(directory: string, before: PreparedRecord, now: PreparedRecord): void {
  const differences = recordDifference(before, now);
  if (differences.length === 0) return;
  throw new DataError(
    `${directory} was begun with other data or settings:\n${differences.map((one) => `  ${one}`).join("\n")}`,
    { hint: "Prepare into another folder, or with the settings and files of before." },
  );
}

interface SplitResult {
  readonly prepared: number;
  readonly broken: number;
}

/** The shards of a split that are missing. What a shard stands for follows from its number alone. */
async function prepareSplit(
  dataset: OpenDataset,
  request: PreparationRequest,
  work: string,
  onRows: (rows: number, isEarlier: boolean) => void,
): Promise<SplitResult> {
  const { directory, rowsPerShard } = request;
  const { split, count, brokenRows } = dataset;
  const shards = Math.ceil(count / rowsPerShard);
  let brokenCount = 0;
  for (let shard = 0; shard < shards; shard += 1) {
    const path = join(directory, shardName(split, shard, shards));
    const from = shard * rowsPerShard;
    const to = Math.min(count, from + rowsPerShard);
    const known = await readShardNote(path);
    if (known !== undefined && known.work === work && known.from === from && known.to === to) {
      for (const { index, ...row } of known.broken) brokenRows.sawBroken(index, row);
      brokenCount += known.broken.length;
      onRows(to - from, true);
      continue;
    }
    const rows: PreparedRow[] = [];
    for (let start = from; start < to; start += ENCODED_AT_ONCE) {
      request.signal.throwIfAborted();
      const length = Math.min(ENCODED_AT_ONCE, to - start);
      rows.push(
        ...(await prepareRows(
          dataset,
          request,
          Array.from({ length }, (_, at) => start + at),
        )),
      );
      onRows(length, false);
    }
    const broken = brokenRows.between(from, to);
    writeFileAtomically(path, shardBytes(rows, { work, from, to, broken }));
    brokenCount += broken.length;
  }
  return { prepared: count - brokenCount, broken: brokenCount };
}

interface DecodedEdit {
  readonly example: EditExample;
  /** Source, then the target where there is one; none where the dataset holds codes already. */
  readonly pictures: readonly Picture[];
}

async function prepareRows(
  dataset: OpenDataset,
  { vision, pictures: keepsPictures }: PreparationRequest,
  indices: readonly number[],
): Promise<PreparedRow[]> {
  const decoded = await madeOfRows(dataset, indices, async (example): Promise<DecodedEdit> => {
    if (example.codes !== undefined) return { example: withFittedBoxes(example, {}, vision), pictures: [] };
    const pictures = await decodeExample(example);
    const fitted = fittedPictures(pictures, vision);
    for (const { width, height } of fitted) vision.gridOf(width, height);
    return { example: withFittedBoxes(example, pictures, vision), pictures: fitted };
  });
  const edits = [...decoded.values()];
  const all = edits.flatMap(({ pictures }) => pictures);
  const grids = all.length === 0 ? [] : await vision.encode(all);
  let next = 0;
  return edits.map(({ example, pictures }) => {
    const own = grids.slice(next, next + pictures.length);
    next += pictures.length;
    return rowOf(example, pictures.length === 0 ? undefined : pairOf(pictures, own, vision), keepsPictures);
  });
}

function rowOf(example: EditExample, made: Pictures | undefined, keepsPictures: boolean): PreparedRow {
  const { id, task, instruction, thought, origin, codes } = example;
  const source = made?.sourceCodes ?? codes?.source;
  const target = made?.targetCodes ?? codes?.target;
  if (source === undefined) throw new Error(`${id} has no codes.`);
  const png = (picture: Picture | undefined): Uint8Array | null =>
    picture === undefined || !keepsPictures ? null : encodePng(picture);
  return {
    id,
    task,
    instruction,
    thought: thought ?? null,
    source_key: sourceKeyOf(example),
    rows: source.rows,
    columns: source.columns,
    source_codes: [...source.codes],
    target_codes: target === undefined ? null : [...target.codes],
    origin: origin ?? id,
    source: png(made?.source),
    target: png(made?.target),
  };
}

/** The vision tokenizer that an unfinished folder was begun with; undefined where none was begun. */
export function begunVision(directory: string): string | undefined {
  return existsSync(join(directory, RECORD_FILE)) && existsSync(join(directory, VISION_FILE))
    ? directory
    : undefined;
}

/** Splits in the order in which they are prepared. */
export const PREPARED_SPLITS: readonly DatasetSplit[] = ["train", "validation", "test"];
