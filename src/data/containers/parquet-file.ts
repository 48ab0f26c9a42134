/**
 * Parquet files, read row by row. Byte arrays without a logical type stay bytes (the reader's default would turn
 * pictures into broken text), and whole numbers come as numbers. Damage costs the rows that lie in it; a file that
 * cannot be opened, or a disk that fails, is an error.
 */

import { basename } from "node:path";

import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
  type SchemaTree,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";

import { DataError } from "../../errors.ts";
import { isFailedRead, messageOf, openSource, type ByteSource } from "./byte-source.ts";
import { withPageChecksums } from "./page-checksums.ts";
import { PageLocations } from "./page-locations.ts";
import { RecentValues } from "./recent-values.ts";
import { DamagedRow, type RowTable, type TableRecord } from "./row-table.ts";

/** Rows that lie together are read in one go, where their row group is too large to be kept, but not more than these. */
const MOST_TOGETHER = 16;

/**
 * A row group no larger is read whole and kept for a while: picking its rows again and again would cost more than
 * holding them.
 */
const SMALL_GROUP_BYTES = 32 * 2 ** 20;
/** Of a larger one, columns that are no larger. */
const SMALL_COLUMN_BYTES = 2 ** 20;
/** Of all row groups that are kept, of all files together. */
const KEPT_BYTES = 96 * 2 ** 20;
const KEPT_GROUPS = new RecentValues<TableRecord[]>(KEPT_BYTES);
let opened = 0;

interface RowGroup {
  readonly index: number;
  /** Number of its first row in the file. */
  readonly start: number;
  readonly rows: number;
  /** Of all its columns, not compressed. */
  readonly bytes: number;
}

export class ParquetFile implements RowTable {
  readonly path: string;
  readonly rows: number;
  readonly columns: readonly string[];
  /** Of this opening: the same path may hold other rows at the next. */
  readonly #key: number;
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #groups: readonly RowGroup[];
  readonly #pages: PageLocations;
  /** Row groups that cannot be read in one go; their rows are tried one by one. */
  readonly #damaged = new Set<RowGroup>();

  private constructor(path: string, file: AsyncBuffer, metadata: FileMetaData) {
    opened += 1;
    this.#key = opened;
    this.path = path;
    this.#file = withPageChecksums(file, metadata);
    this.#metadata = metadata;
    this.#pages = new PageLocations(`${this.#key}`, this.#file, metadata);
    this.#groups = rowGroups(metadata);
    this.rows = this.#groups.reduce((sum, { rows }) => sum + rows, 0);
    this.columns = topColumns(metadata);
    requireKnownColumns(metadata);
    // A row takes more than a byte. Whoever believes a larger number counts to it.
    if (this.rows > file.byteLength) throw new Error(`it says that it has ${this.rows} rows`);
  }

  /** Reads the footer. Throws DataError for a file that is missing, empty, cut off, a Git LFS pointer or no parquet. */
  static async open(path: string): Promise<ParquetFile> {
    return ParquetFile.of(await openSource(path));
  }

  /** Reads the footer. Throws DataError for what is cut off or no parquet. */
  static async of(source: ByteSource): Promise<ParquetFile> {
    const { path, byteLength } = source;
    try {
      const file = {
        byteLength,
        slice: async (start: number, end = byteLength) => wholeBuffer(await source.read(start, end)),
      };
      return new ParquetFile(path, file, await parquetMetadataAsync(file));
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  /** The name used in errors. */
  get name(): string {
    return basename(this.path);
  }

  /**
   * The rows with these numbers, in the order asked; of a large row group only the pages that hold them are read.
   * Throws DataError where the file is gone or its disk fails.
   */
  async read(indices: readonly number[], columns: readonly string[]): Promise<(TableRecord | DamagedRow)[]> {
    const wanted = new Map<RowGroup, number[]>();
    for (const index of indices) {
      const group = this.#groups.findLast(({ start }) => start <= index);
      if (group === undefined || !(index < group.start + group.rows)) {
        throw new RangeError(`${this.path} has ${this.rows} rows, no row ${index}.`);
      }
      const known = wanted.get(group);
      if (known === undefined) wanted.set(group, [index]);
      else known.push(index);
    }
    const rows = new Map<number, TableRecord | DamagedRow>();
    for (const [group, inGroup] of wanted) await this.#readGroup(group, inGroup, columns, rows);
    return indices.map((index) => rows.get(index)!);
  }

  /** All rows in order, a row group at a time. */
  async *scan(columns: readonly string[]): AsyncGenerator<TableRecord | DamagedRow> {
    for (const group of this.#groups) yield* await this.#scanned(group, columns);
  }

  async #scanned(group: RowGroup, columns: readonly string[]): Promise<(TableRecord | DamagedRow)[]> {
    const end = group.start + group.rows;
    try {
      return await this.#readRange(group, group.start, end, columns);
    } catch (cause) {
      if (isFailedRead(cause)) throw unreadable(this.path, cause);
      const rows: (TableRecord | DamagedRow)[] = [];
      for (let row = group.start; row < end; row += 1) rows.push(await this.#readRow(group, row, columns));
      return rows;
    }
  }

  /** Puts the rows into `rows`. */
  async #readGroup(
    group: RowGroup,
    indices: readonly number[],
    columns: readonly string[],
    rows: Map<number, TableRecord | DamagedRow>,
  ): Promise<void> {
    if (!this.#damaged.has(group)) {
      try {
        if (group.bytes <= SMALL_GROUP_BYTES) {
          const kept = await this.#wholeGroup(group, columns);
          for (const index of indices) rows.set(index, kept[index - group.start]!);
          return;
        }
        // Words are read once and kept, pictures page by page: a stretch of rows would decode all words again.
        const small = columns.filter((name) => this.#bytesOf(group, name) <= SMALL_COLUMN_BYTES);
        const large = columns.filter((name) => !small.includes(name));
        const words = small.length === 0 ? [] : await this.#wholeGroup(group, small);
        for (const [start, end] of ranges(indices)) {
          const records = large.length === 0 ? [] : await this.#readRange(group, start, end, large);
          for (let row = start; row < end; row += 1) {
            rows.set(row, { ...words[row - group.start], ...records[row - start] });
          }
        }
        return;
      } catch (cause) {
        if (isFailedRead(cause)) throw unreadable(this.path, cause);
        this.#damaged.add(group);
      }
    }
    // A row must not depend on those it was asked with, so each is read alone.
    for (const index of new Set(indices)) rows.set(index, await this.#readRow(group, index, columns));
  }

  /** Of a column with all that it holds, not compressed. */
  #bytesOf(group: RowGroup, name: string): number {
    const chunks = this.#metadata.row_groups[group.index]!.columns;
    return chunks.reduce(
      (sum, { meta_data: chunk }) =>
        chunk?.path_in_schema[0] === name ? sum + Number(chunk.total_uncompressed_size) : sum,
      0,
    );
  }

  async #readRow(
    group: RowGroup,
    index: number,
    columns: readonly string[],
  ): Promise<TableRecord | DamagedRow> {
    try {
      return (await this.#readRange(group, index, index + 1, columns))[0]!;
    } catch (cause) {
      if (isFailedRead(cause)) throw unreadable(this.path, cause);
      return new DamagedRow(messageOf(cause));
    }
  }

  #wholeGroup(group: RowGroup, columns: readonly string[]): Promise<TableRecord[]> {
    const key = JSON.stringify([this.#key, group.start, columns]);
    const bytes = columns.reduce((sum, name) => sum + this.#bytesOf(group, name), 0);
    return KEPT_GROUPS.get(key, bytes, () =>
      this.#readRange(group, group.start, group.start + group.rows, columns),
    );
  }

  /** Rows start…end−1. */
  async #readRange(
    group: RowGroup,
    start: number,
    end: number,
    columns: readonly string[],
  ): Promise<TableRecord[]> {
    const options = {
      file: this.#file,
      metadata: this.#metadata,
      compressors,
      utf8: false,
      columns: [...columns],
      rowStart: start,
      rowEnd: end,
      // What the reader takes from an index that the file brings, or from ours; its types do not say so.
      pageLocationsByGroup: await this.#pages.of(group.index, columns),
    };
    const records = await parquetReadObjects(options);
    return records.map(withNumbers);
  }
}

function rowGroups({ row_groups: groups }: FileMetaData): RowGroup[] {
  let start = 0;
  return groups.map(({ num_rows, total_byte_size }, index) => {
    const [rows, bytes] = [Number(num_rows), Number(total_byte_size)];
    if (!Number.isSafeInteger(rows) || rows < 0) throw new Error(`a row group has ${rows} rows`);
    const group = { index, start, rows, bytes: Number.isSafeInteger(bytes) ? Math.max(0, bytes) : Infinity };
    start += rows;
    return group;
  });
}

/**
 * Every chunk must belong to a column of the schema, and to one of its own. The reader would notice when it has begun to
 * read the others, and leave promises behind that nobody waits for.
 */
function requireKnownColumns(metadata: FileMetaData): void {
  const tree = parquetSchema(metadata);
  for (const { columns } of metadata.row_groups) {
    const seen = new Set<SchemaTree>();
    for (const { meta_data: chunk } of columns) {
      let node: SchemaTree | undefined = tree;
      for (const name of chunk?.path_in_schema ?? []) {
        node = node?.children.find(({ element }) => element.name === name);
      }
      if (chunk === undefined || node === undefined || node.children.length > 0 || seen.has(node)) {
        throw new Error("a chunk belongs to no column of its own");
      }
      seen.add(node);
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

/** Stretches of rows that hold these, and no others. */
function ranges(indices: readonly number[]): [number, number][] {
  const merged: [number, number][] = [];
  for (const index of [...new Set(indices)].toSorted((a, b) => a - b)) {
    const last = merged.at(-1);
    if (last !== undefined && index === last[1] && index - last[0] < MOST_TOGETHER) last[1] += 1;
    else merged.push([index, index + 1]);
  }
  return merged;
}

/** The reader takes buffers, not views. */
function wholeBuffer({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  const isWhole = byteOffset === 0 && byteLength === buffer.byteLength;
  return (isWhole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;
}

function withNumbers(record: Record<string, unknown>): TableRecord {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );
}

function unreadable(path: string, cause: unknown): DataError {
  if (cause instanceof DataError) return cause;
  return new DataError(`${path} cannot be read as parquet: ${messageOf(cause)}.`, {
    hint: "Check that the file is there and whole; fetch it again if not.",
    cause,
  });
}
