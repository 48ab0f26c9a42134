/** A record batch of an Arrow stream, of which single cells are read. */

import { Message, type RecordBatch } from "apache-arrow/ipc/metadata/message";

import type { ColumnLayout } from "./arrow-layout.ts";
import type { ByteSource } from "./byte-source.ts";

/** Where a batch lies in its file. */
export interface BatchPlace {
  /** Number of its first row in the file. */
  readonly firstRow: number;
  readonly rows: number;
  readonly metadataAt: number;
  readonly metadataLength: number;
  readonly bodyAt: number;
  readonly bodyLength: number;
}

/** Offsets and validity of a batch are kept while it is in use; what is larger is read piece by piece. */
const KEPT_BUFFER_BYTES = 64 * 2 ** 10;
/** A list, a text or a picture in one cell. */
const MOST_CELL_BYTES = 256 * 2 ** 20;
const MOST_LIST = 100_000;

export class ArrowBatch {
  readonly #source: ByteSource;
  readonly #place: BatchPlace;
  readonly #header: RecordBatch;
  readonly #kept = new Map<number, Promise<Buffer>>();

  private constructor(source: ByteSource, place: BatchPlace, header: RecordBatch) {
    this.#source = source;
    this.#place = place;
    this.#header = header;
  }

  static async open(source: ByteSource, place: BatchPlace): Promise<ArrowBatch> {
    const { metadataAt, metadataLength } = place;
    const message = Message.decode(await source.read(metadataAt, metadataAt + metadataLength));
    return new ArrowBatch(source, place, message.header() as RecordBatch);
  }

  /**
   * The value of a cell: null, a boolean, number, text, bytes, an array, or a record. Whole numbers that a number cannot
   * hold come as bigint. Throws Error where lengths in the batch are lies.
   */
  async cell(column: ColumnLayout, row: number): Promise<unknown> {
    if (column.kind === "null" || !(await this.#isValid(column, row))) return null;
    switch (column.kind) {
      case "boolean": {
        const byte = (await this.#bytes(column.first, row >> 3, (row >> 3) + 1))[0]!;
        return ((byte >> (row & 7)) & 1) === 1;
      }
      case "integer":
        return this.#integer(column, row);
      case "float": {
        const bytes = await this.#bytes(column.first, row * column.width, (row + 1) * column.width);
        if (column.width === 8) return bytes.readDoubleLE(0);
        if (column.width === 4) return bytes.readFloatLE(0);
        throw new Error(`${column.name} holds half-precision numbers, which are not read`);
      }
      case "text":
      case "bytes": {
        const [start, end] = await this.#span(column, row);
        if (end - start > MOST_CELL_BYTES) throw new Error(`${column.name} is larger than 256 MiB`);
        const bytes = await this.#bytes(column.data, start, end);
        return column.kind === "text" ? bytes.toString("utf8") : new Uint8Array(bytes);
      }
      case "list": {
        const [start, end] = await this.#span(column, row);
        if (end - start > MOST_LIST) throw new Error(`${column.name} is a list of ${end - start}`);
        const values: unknown[] = [];
        for (let at = start; at < end; at += 1) values.push(await this.cell(column.children[0]!, at));
        return values;
      }
      case "struct": {
        const record: Record<string, unknown> = {};
        for (const child of column.children) record[child.name] = await this.cell(child, row);
        return record;
      }
      case "other":
        throw new Error(`${column.name} is of a type that is not read`);
      default:
        return column.kind satisfies never;
    }
  }

  async #integer({ first, width, isSigned }: ColumnLayout, row: number): Promise<number | bigint> {
    const bytes = await this.#bytes(first, row * width, (row + 1) * width);
    if (width < 8) return isSigned ? bytes.readIntLE(0, width) : bytes.readUIntLE(0, width);
    const value = isSigned ? bytes.readBigInt64LE(0) : bytes.readBigUInt64LE(0);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  async #span({ name, first, width }: ColumnLayout, row: number): Promise<[number, number]> {
    const bytes = await this.#bytes(first, row * width, (row + 2) * width);
    const [start, end] =
      width === 4
        ? [bytes.readInt32LE(0), bytes.readInt32LE(4)]
        : [Number(bytes.readBigInt64LE(0)), Number(bytes.readBigInt64LE(8))];
    if (!(start >= 0 && end >= start)) throw new Error(`the lengths of ${name} are lies`);
    return [start, end];
  }

  async #isValid({ validity, node }: ColumnLayout, row: number): Promise<boolean> {
    const about = this.#header.nodes[node];
    if (about === undefined || !(row < about.length))
      throw new Error("a column has fewer rows than its batch");
    if (about.nullCount === 0 || validity < 0) return true;
    // Without a bitmap, all are valid.
    if ((this.#header.buffers[validity]?.length ?? 0) === 0) return true;
    const byte = (await this.#bytes(validity, row >> 3, (row >> 3) + 1))[0]!;
    return ((byte >> (row & 7)) & 1) === 1;
  }

  /** Bytes from…to−1 of a buffer. */
  async #bytes(buffer: number, from: number, to: number): Promise<Buffer> {
    const about = this.#header.buffers[buffer];
    if (about === undefined) throw new Error("a batch has fewer buffers than its schema");
    const { offset, length } = about;
    if (!(offset >= 0 && length >= to && offset + length <= this.#place.bodyLength && from <= to)) {
      throw new Error("a buffer ends before its values do");
    }
    const start = this.#place.bodyAt + offset;
    if (length > KEPT_BUFFER_BYTES) return bufferOf(await this.#source.read(start + from, start + to));
    const kept = this.#kept.get(buffer) ?? this.#source.read(start, start + length).then(bufferOf);
    this.#kept.set(buffer, kept);
    kept.catch(() => this.#kept.delete(buffer));
    return (await kept).subarray(from, to);
  }
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
