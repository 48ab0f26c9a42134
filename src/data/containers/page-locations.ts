/**
 * Where each page of a column lies. Published shards hold hundreds of pictures in one column chunk and no index of its
 * pages, so that one row would cost them all; the pages' headers say where the next one begins, and reading those is
 * enough.
 */

import { parquetSchema, type AsyncBuffer, type FileMetaData } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { readOffsetIndex } from "hyparquet/src/indexes.js";
import { getTreePath } from "hyparquet/src/schema.js";

import { RecentValues } from "./recent-values.ts";

type PageLocation = ReturnType<typeof readOffsetIndex>["page_locations"][number];
/** What the reader of rows asks for: a list a row group, by a column's path. */
type LocationsOfGroups = Record<string, PageLocation[]>[];
type Chunk = FileMetaData["row_groups"][number]["columns"][number];

/** A smaller chunk is read whole: looking for its pages costs as much. */
const SMALL_CHUNK_BYTES = 256 * 2 ** 10;
/** Statistics may stand in a header; most take a few dozen bytes. */
const HEADER_BYTES = 1024;
/** Pages of a chunk; one that has more, each of a few bytes, is read whole. */
const MOST_PAGES = 100_000;
/** A location in memory, about, and of all that are kept: a dataset of a million pictures has millions. */
const LOCATION_BYTES = 120;
const KEPT_BYTES = 16 * 2 ** 20;

const KNOWN = new RecentValues<PageLocation[] | undefined>(KEPT_BYTES);

export class PageLocations {
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #name: string;

  /** `name` is of this opening of the file alone. */
  constructor(name: string, file: AsyncBuffer, metadata: FileMetaData) {
    this.#name = name;
    this.#file = file;
    this.#metadata = metadata;
  }

  /** Of the columns of one row group whose pages can be found; the others are absent and are read whole. */
  async of(group: number, columns: readonly string[]): Promise<LocationsOfGroups> {
    const locations: Record<string, PageLocation[]> = {};
    const rowGroup = this.#metadata.row_groups[group]!;
    for (const [at, chunk] of rowGroup.columns.entries()) {
      const path = chunk.meta_data?.path_in_schema ?? [];
      if (!columns.includes(path[0] ?? "")) continue;
      const bytes = Number(rowGroup.num_rows) * LOCATION_BYTES;
      const key = `${this.#name}/${group}/${at}`;
      const found = await KNOWN.get(key, bytes, () => this.#find(chunk, path, rowGroup));
      if (found !== undefined) locations[path.join(".")] = found;
    }
    return this.#metadata.row_groups.map((_, index) => (index === group ? locations : {}));
  }

  async #find(
    chunk: Chunk,
    path: readonly string[],
    { num_rows: rows }: { readonly num_rows: bigint },
  ): Promise<PageLocation[] | undefined> {
    const { offset_index_offset: offset, offset_index_length: length, meta_data: column } = chunk;
    if (column === undefined || Number(column.total_compressed_size) < SMALL_CHUNK_BYTES) return undefined;
    if (offset !== undefined && length !== undefined) {
      const view = new DataView(await this.#file.slice(Number(offset), Number(offset) + length));
      return readOffsetIndex({ view, offset: 0 }).page_locations;
    }
    // In a list, a page's count of values says nothing of rows.
    const isList = getTreePath(parquetSchema(this.#metadata), [...path]).some(
      ({ element }) => element.repetition_type === "REPEATED",
    );
    return isList ? undefined : this.#walk(column, Number(rows));
  }

  async #walk(column: NonNullable<Chunk["meta_data"]>, rows: number): Promise<PageLocation[] | undefined> {
    // Some writers set the dictionary's offset to 0 where there is none.
    const start = Number(column.dictionary_page_offset || column.data_page_offset);
    const end = start + Number(column.total_compressed_size);
    const pages: PageLocation[] = [];
    let firstRow = 0;
    for (let at = start; at < end && pages.length < MOST_PAGES;) {
      const bytes = await this.#file.slice(at, Math.min(at + HEADER_BYTES, end));
      const reader = { view: new DataView(bytes), offset: 0 };
      const header = parquetHeader(reader);
      const size = reader.offset + header.compressed_page_size;
      if (!(size > 0) || at + size > end) throw new Error("a page is longer than its column");
      const values = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_rows;
      if (values !== undefined) {
        pages.push({ offset: BigInt(at), compressed_page_size: size, first_row_index: BigInt(firstRow) });
        firstRow += values;
      } else if (pages.length > 0) return undefined;
      at += size;
    }
    return firstRow === rows ? pages : undefined;
  }
}
