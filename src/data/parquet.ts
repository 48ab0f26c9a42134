/**
 * Parquet files, read row by row. Byte arrays without a logical type stay bytes (the reader's default would turn
 * pictures into broken text), and whole numbers come as numbers.
 */

import { basename } from "node:path";

import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  type AsyncBuffer,
  type FileMetaData,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";

import { DataError } from "../errors.ts";

export type ParquetRecord = Readonly<Record<string, unknown>>;

/** Rows nearer than this are read in one go. */
const GAP = 64;

/** A file no larger is read once and kept: picking its rows again and again would cost more than holding them. */
const SMALL_FILE_BYTES = 64 * 2 ** 20;

export class ParquetFile {
  readonly path: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  /** All rows of a small file, by the columns they were read with. */
  readonly #kept = new Map<string, Promise<ParquetRecord[]>>();

  private constructor(path: string, file: AsyncBuffer, metadata: FileMetaData) {
    this.path = path;
    this.#file = file;
    this.#metadata = metadata;
    this.rows = Number(metadata.num_rows);
    this.columns = topColumns(metadata);
  }

  /** Reads the footer. Throws DataError for a file that is missing, empty, cut off or no parquet. */
  static async open(path: string): Promise<ParquetFile> {
    try {
      const file = await asyncBufferFromFile(path);
      if (file.byteLength === 0)
        throw new DataError(`${path} is empty (0 bytes).`, { hint: "Fetch it again." });
      return new ParquetFile(path, file, await parquetMetadataAsync(file));
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  /** The name used in errors. */
  get name(): string {
    return basename(this.path);
  }

  /** Throws DataError that names the columns which are not there. */
  requireColumns(names: readonly string[]): void {
    const missing = names.filter((name) => !this.columns.includes(name));
    if (missing.length === 0) return;
    throw new DataError(`${this.path} has no column ${missing.join(", ")}.`, {
      hint: `It has ${this.columns.join(", ")}.`,
    });
  }

  /** The rows with these numbers, in the order asked; of a large file only the pages that hold them are read. */
  async read(indices: readonly number[], columns: readonly string[]): Promise<ParquetRecord[]> {
    const rows =
      this.#file.byteLength <= SMALL_FILE_BYTES
        ? await this.#all(columns)
        : await this.#some(indices, columns);
    return indices.map((index) => {
      const row = rows.at(index);
      if (row === undefined) throw new RangeError(`${this.path} has ${this.rows} rows, no row ${index}.`);
      return row;
    });
  }

  #all(columns: readonly string[]): Promise<ParquetRecord[]> {
    const key = columns.join("\n");
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const rows = this.readRange(0, this.rows, columns);
    this.#kept.set(key, rows);
    return rows;
  }

  async #some(
    indices: readonly number[],
    columns: readonly string[],
  ): Promise<{ at(row: number): ParquetRecord | undefined }> {
    const rows = new Map<number, ParquetRecord>();
    for (const [start, end] of ranges(indices)) {
      const records = await this.readRange(start, end, columns);
      for (const [offset, record] of records.entries()) rows.set(start + offset, record);
    }
    return { at: (row) => rows.get(row) };
  }

  /** Rows start…end−1. */
  async readRange(start: number, end: number, columns: readonly string[]): Promise<ParquetRecord[]> {
    try {
      const records = await parquetReadObjects({
        file: this.#file,
        metadata: this.#metadata,
        compressors,
        utf8: false,
        columns: [...columns],
        rowStart: start,
        rowEnd: end,
        useOffsetIndex: true,
      });
      return records.map(withNumbers);
    } catch (cause) {
      throw unreadable(this.path, cause);
    }
  }
}

function topColumns({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  let index = 1;
  while (index < schema.length) {
    names.push(schema[index]?.name ?? "");
    index = afterSubtree(schema, index);
  }
  return names;
}

/** Index of the element after this one and all that it holds; a schema lists its tree depth first. */
function afterSubtree(schema: FileMetaData["schema"], index: number): number {
  let next = index + 1;
  for (let child = 0; child < (schema[index]?.num_children ?? 0); child += 1)
    next = afterSubtree(schema, next);
  return next;
}

function ranges(indices: readonly number[]): [number, number][] {
  const merged: [number, number][] = [];
  for (const index of indices.toSorted((a, b) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && index < last[1] + GAP) last[1] = Math.max(last[1], index + 1);
    else merged.push([index, index + 1]);
  }
  return merged;
}

function withNumbers(record: Record<string, unknown>): ParquetRecord {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}

function unreadable(path: string, cause: unknown): DataError {
  if (cause instanceof DataError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DataError(`${path} cannot be read as parquet: ${reason}.`, {
    hint: "Check that the file is there and whole; fetch it again if not.",
    cause,
  });
}
