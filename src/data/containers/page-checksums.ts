/**
 * Checks parquet's page checksums, which the reader skips: where a page's header has one (Spark writes them, others on
 * request), the page's bytes must give it. Otherwise a flipped bit inside a text comes out as another text.
 */

import { crc32 } from "node:zlib";

import type { AsyncBuffer, FileMetaData } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";

const MOST_PAGE_BYTES = 512 * 2 ** 20;

interface Chunk {
  readonly start: number;
  readonly end: number;
}

/**
 * The file, whose every page that is read is checked first. Reads fail with an error where a checksum differs, or where
 * there are fewer bytes than asked.
 */
export function withPageChecksums(file: AsyncBuffer, metadata: FileMetaData): AsyncBuffer {
  const chunks = columnChunks(metadata);
  return {
    byteLength: file.byteLength,
    slice(start, end) {
      const bytes = checkedSlice(file, chunks, start, end ?? file.byteLength);
      // The reader begins many reads at once and does not wait for all of them when one fails.
      bytes.catch(() => undefined);
      return bytes;
    },
  };
}

async function checkedSlice(
  file: AsyncBuffer,
  chunks: readonly Chunk[],
  start: number,
  end: number,
): Promise<ArrayBuffer> {
  const bytes = await file.slice(start, end);
  if (bytes.byteLength !== end - start) throw new Error("the file ends before its pages do");
  for (const chunk of chunks) {
    // The reader asks for whole pages, so a slice that begins within a chunk begins with a page.
    if (chunk.start < end && start < chunk.end) {
      checkPages(bytes, Math.max(0, chunk.start - start), Math.min(end, chunk.end) - start);
    }
  }
  return bytes;
}

/** Where the pages of each column of each row group lie. */
function columnChunks(metadata: FileMetaData): Chunk[] {
  return metadata.row_groups.flatMap(({ columns }) =>
    columns.flatMap(({ meta_data: column }) => {
      if (column === undefined) return [];
      // Some writers set the dictionary's offset to 0 where there is none.
      const start = Number(column.dictionary_page_offset || column.data_page_offset);
      return [{ start, end: start + Number(column.total_compressed_size) }];
    }),
  );
}

function checkPages(bytes: ArrayBuffer, from: number, to: number): void {
  const reader = { view: new DataView(bytes, 0, to), offset: from };
  while (reader.offset < to) {
    const header = headerAt(reader);
    if (header === undefined) return;
    const { offset } = reader;
    // A page is a megabyte, or one picture; what it says is allocated before it is known to be true.
    if (header.uncompressed_page_size > MOST_PAGE_BYTES) {
      throw new Error(`a page says that it holds ${header.uncompressed_page_size} bytes`);
    }
    const end = offset + header.compressed_page_size;
    if (!(header.compressed_page_size >= 0) || end > to) return;
    reader.offset = end;
    if (header.crc === undefined) continue;
    if (crc32(new Uint8Array(bytes, offset, header.compressed_page_size)) !== header.crc >>> 0) {
      throw new Error("a page's checksum differs from its bytes");
    }
  }
}

/** A header that cannot be read is the reader's to complain about. */
function headerAt(reader: {
  view: DataView<ArrayBuffer>;
  offset: number;
}): ReturnType<typeof parquetHeader> | undefined {
  try {
    return parquetHeader(reader);
  } catch {
    return undefined;
  }
}
