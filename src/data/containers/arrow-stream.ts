/**
 * Arrow files as `save_to_disk` of the `datasets` library writes them: the streaming format, record batch after record
 * batch. A batch holds hundreds of pictures, so single cells are
 * read from it. Apache Arrow's own code decodes the messages.
 */

import { basename } from "node:path";

import { Message } from "apache-arrow/ipc/metadata/message";

import { DataError } from "../../errors.ts";
import { layoutOf, type ColumnLayout } from "./arrow-layout.ts";
import { ArrowBatch, type BatchPlace } from "./arrow-batch.ts";
import { isFailedRead, messageOf, openSource, type ByteSource } from "./byte-source.ts";
import { DamagedRow, type RowTable, type TableRecord } from "./row-table.ts";
import { RecentValues } from "./recent-values.ts";

const CONTINUATION = 0xffffffff;
const FILE_MAGIC = "ARROW1";
/** What a message says of a batch; a few kilobytes a hundred columns. */
const MOST_METADATA_BYTES = 16 * 2 ** 20;
const KEPT_BATCHES_BYTES = 16 * 2 ** 20;
const KEPT = new RecentValues<ArrowBatch>(KEPT_BATCHES_BYTES);
let opened = 0;

export class ArrowStream implements RowTable {
  readonly path: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly #key: number;
  readonly #source: ByteSource;
  readonly #layout: readonly ColumnLayout[];
  readonly #batches: readonly BatchPlace[];

  private constructor(source: ByteSource, layout: readonly ColumnLayout[], batches: readonly BatchPlace[]) {
    opened += 1;
    this.#key = opened;
    this.path = source.path;
    this.#source = source;
    this.#layout = layout;
    this.#batches = batches;
    this.columns = layout.map(({ name }) => name);
    const last = batches.at(-1);
    this.rows = last === undefined ? 0 : last.firstRow + last.rows;
  }

  /** Finds the batches. Throws DataError for a file that is missing, cut off or no Arrow. */
  static async open(path: string): Promise<ArrowStream> {
    const source = await openSource(path);
    try {
      return await found(source, (layout, batches) => new ArrowStream(source, layout, batches));
    } catch (cause) {
      if (cause instanceof DataError) throw cause;
      throw new DataError(`${path} cannot be read as Arrow: ${messageOf(cause)}.`, {
        hint: "Check that the file is whole; fetch it again if not.",
        cause,
      });
    }
  }

  get name(): string {
    return basename(this.path);
  }

  async read(indices: readonly number[], columns: readonly string[]): Promise<(TableRecord | DamagedRow)[]> {
    const wanted = this.#layout.filter(({ name }) => columns.includes(name));
    const rows: (TableRecord | DamagedRow)[] = [];
    for (const index of indices) {
      const at = this.#batches.findLastIndex(({ firstRow }) => firstRow <= index);
      const place = this.#batches[at];
      if (place === undefined || !(index < this.rows)) {
        throw new RangeError(`${this.path} has ${this.rows} rows, no row ${index}.`);
      }
      rows.push(await this.#row(at, place, index - place.firstRow, wanted));
    }
    return rows;
  }

  async *scan(columns: readonly string[]): AsyncGenerator<TableRecord | DamagedRow> {
    const wanted = this.#layout.filter(({ name }) => columns.includes(name));
    for (const [at, place] of this.#batches.entries()) {
      for (let row = 0; row < place.rows; row += 1) yield await this.#row(at, place, row, wanted);
    }
  }

  async #row(
    at: number,
    place: BatchPlace,
    row: number,
    wanted: readonly ColumnLayout[],
  ): Promise<TableRecord | DamagedRow> {
    try {
      const batch = await KEPT.get(`${this.#key}/${at}`, place.metadataLength * 4 + 2 ** 17, () =>
        ArrowBatch.open(this.#source, place),
      );
      const record: Record<string, unknown> = {};
      for (const column of wanted) record[column.name] = await batch.cell(column, row);
      return record;
    } catch (cause) {
      if (isFailedRead(cause)) throw cause;
      return new DamagedRow(messageOf(cause));
    }
  }
}

async function found(
  source: ByteSource,
  make: (layout: readonly ColumnLayout[], batches: readonly BatchPlace[]) => ArrowStream,
): Promise<ArrowStream> {
  if (await isFileFormat(source))
    throw new Error("it is in Arrow's file format, not in its streaming format");
  let at = 0;
  let layout: readonly ColumnLayout[] | undefined;
  const batches: BatchPlace[] = [];
  let firstRow = 0;
  for (;;) {
    const message = await messageAt(source, at);
    if (message === undefined) break;
    const { decoded, bodyAt, metadataAt, metadataLength } = message;
    if (bodyAt + decoded.bodyLength > source.byteLength)
      throw new Error("it is cut off within a record batch");
    if (decoded.isSchema()) {
      layout = layoutOf(decoded.header().fields);
    } else if (decoded.isRecordBatch()) {
      const header = decoded.header();
      if (header.compression !== null) throw new Error("its batches are compressed, which is not read");
      const rows = header.length;
      if (!(rows >= 0 && rows <= source.byteLength)) throw new Error(`a record batch has ${rows} rows`);
      batches.push({ firstRow, rows, metadataAt, metadataLength, bodyAt, bodyLength: decoded.bodyLength });
      firstRow += rows;
    } else if (decoded.isDictionaryBatch())
      throw new Error("its columns are dictionaries, which are not read");
    at = bodyAt + decoded.bodyLength;
  }
  if (layout === undefined) throw new Error("it has no schema");
  return make(layout, batches);
}

async function isFileFormat(source: ByteSource): Promise<boolean> {
  const start = await source.read(0, Math.min(FILE_MAGIC.length, source.byteLength));
  return Buffer.from(start).toString("latin1") === FILE_MAGIC;
}

interface FoundMessage {
  readonly decoded: Message;
  readonly metadataAt: number;
  readonly metadataLength: number;
  readonly bodyAt: number;
}

/** Undefined at the stream's end. */
async function messageAt(source: ByteSource, at: number): Promise<FoundMessage | undefined> {
  if (at === source.byteLength) return undefined;
  const frame = Buffer.from(await source.read(at, Math.min(at + 8, source.byteLength)));
  if (frame.length < 4) throw new Error("it is cut off");
  // Before version 0.15 the length alone stood there.
  const isMarked = frame.readUInt32LE(0) === CONTINUATION;
  if (isMarked && frame.length < 8) throw new Error("it is cut off");
  const metadataLength = frame.readInt32LE(isMarked ? 4 : 0);
  if (metadataLength === 0) return undefined;
  const metadataAt = at + (isMarked ? 8 : 4);
  if (metadataLength < 0 || metadataLength > MOST_METADATA_BYTES)
    throw new Error("a message's length is a lie");
  const decoded = Message.decode(await source.read(metadataAt, metadataAt + metadataLength));
  if (!(decoded.bodyLength >= 0)) throw new Error("a message's body has no length");
  return { decoded, metadataAt, metadataLength, bodyAt: metadataAt + metadataLength };
}
