/** One file of prepared edits: it says itself which rows it stands for. */

import { existsSync } from "node:fs";

import { asyncBufferFromFile, parquetMetadataAsync } from "hyparquet";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { z } from "zod";

import type { DatasetSplit } from "../edit-dataset.ts";
import {
  cellOf,
  PREPARED_COLUMNS,
  PREPARED_FEATURES,
  PREPARED_SCHEMA,
  type PreparedRow,
} from "./prepared-schema.ts";

/** Rows that are compressed together, and read together. */
const ROW_GROUP = 64;
const KEY = "earl";

/** What a shard says of itself, beside its rows. */
const ShardNote = z.object({
  /** Of the work that it is a part of: equal for equal input and settings. */
  work: z.string(),
  /** Rows of the dataset that it stands for: from…to−1. */
  from: z.int().min(0),
  to: z.int().min(0),
  /** Those of them that could not be read. */
  broken: z.array(z.object({ index: z.int(), origin: z.string(), broken: z.string() })),
});
export type ShardNote = Readonly<z.infer<typeof ShardNote>>;

export function shardName(split: DatasetSplit, shard: number, shards: number): string {
  const padded = (value: number): string => String(value).padStart(5, "0");
  return `${split}-${padded(shard)}-of-${padded(shards)}.parquet`;
}

/** The file of these rows; the same rows and note give the same bytes. */
export function shardBytes(rows: readonly PreparedRow[], note: ShardNote): Uint8Array {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: PREPARED_SCHEMA,
    kvMetadata: [
      { key: "huggingface", value: JSON.stringify(PREPARED_FEATURES) },
      { key: KEY, value: JSON.stringify(note) },
    ],
    createdBy: "earl",
  });
  const written = parquet.write({
    columnData: PREPARED_COLUMNS.map((name) => ({ name, data: rows.map((row) => cellOf(row, name)) })),
    rowGroupSize: ROW_GROUP,
  });
  if (written instanceof Promise) throw new TypeError("A shard in memory is written at once.");
  const finished = parquet.finish();
  if (finished instanceof Promise) throw new TypeError("A shard in memory is finished at once.");
  return writer.getBytes();
}

/** What the shard at a path says of itself; undefined where there is none, or it is damaged or no shard. */
export async function readShardNote(path: string): Promise<ShardNote | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    const { key_value_metadata: pairs = [] } = await parquetMetadataAsync(await asyncBufferFromFile(path));
    const note = pairs.find(({ key }) => key === KEY)?.value;
    return note === undefined ? undefined : ShardNote.parse(JSON.parse(note));
  } catch {
    return undefined;
  }
}
