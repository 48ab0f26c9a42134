/**
 * Records in text files: JSON lines, a JSON array, or CSV with a head. One pass finds where each record begins; then
 * records are read by number, so that a file of any size takes a few bytes of memory a row.
 */

import { basename } from "node:path";

import { parse as parseCsv } from "csv-parse/sync";

import { isRecord } from "../../config/raw-settings.ts";
import { DataError } from "../../errors.ts";
import { openSource, type ByteSource } from "./byte-source.ts";
import { recordBounds, type TextFormat } from "./record-bounds.ts";
import { DamagedRow, type RowTable, type TableRecord } from "./row-table.ts";

const MOST_RECORD_BYTES = 16 * 2 ** 20;
/** Records of JSON name their columns themselves; so many of the first are asked. */
const NAMING_ROWS = 16;
const SCANNED_AT_ONCE = 2 ** 20;

export class TextTable implements RowTable {
  readonly path: string;
  readonly columns: readonly string[];
  readonly #source: ByteSource;
  readonly #format: TextFormat;
  /** Start and end of each record, one after the other; of CSV, the head is not among them. */
  readonly #bounds: Float64Array;

  private constructor(
    source: ByteSource,
    format: TextFormat,
    bounds: Float64Array,
    columns: readonly string[],
  ) {
    this.path = source.path;
    this.#source = source;
    this.#format = format;
    this.#bounds = bounds;
    this.columns = columns;
  }

  /** Throws DataError for a file that is missing, empty, or none of these formats. */
  static async open(path: string): Promise<TextTable> {
    return TextTable.of(await openSource(path));
  }

  /** Throws DataError for what is none of these formats. */
  static async of(source: ByteSource): Promise<TextTable> {
    const { path } = source;
    const format = await formatOf(source);
    const bounds = await recordBounds(source, format);
    if (format.kind !== "csv") {
      const table = new TextTable(source, format, bounds, []);
      const length = Math.min(table.rows, NAMING_ROWS);
      const first = await table.read(Array.from({ length }, (_, row) => row));
      const keys = first.flatMap((row) => (row instanceof DamagedRow ? [] : Object.keys(row)));
      return new TextTable(source, format, bounds, [...new Set(keys)]);
    }
    const head = await new TextTable(source, format, bounds.subarray(0, 2), []).#cells(0);
    if (head instanceof DamagedRow || head.length === 0) {
      throw new DataError(`${path} has no head that names its columns.`, {
        hint: "Write the names into the first line.",
      });
    }
    return new TextTable(source, format, bounds.slice(2), head);
  }

  get name(): string {
    return basename(this.path);
  }

  get rows(): number {
    return this.#bounds.length / 2;
  }

  async read(indices: readonly number[]): Promise<(TableRecord | DamagedRow)[]> {
    const rows: (TableRecord | DamagedRow)[] = [];
    for (const index of indices) {
      if (!(index >= 0 && index < this.rows)) {
        throw new RangeError(`${this.path} has ${this.rows} rows, no row ${index}.`);
      }
      rows.push(await this.#record(index));
    }
    return rows;
  }

  async *scan(): AsyncGenerator<TableRecord | DamagedRow> {
    for (let from = 0; from < this.rows;) {
      const start = this.#bounds[2 * from]!;
      let to = from + 1;
      while (to < this.rows && this.#bounds[2 * to + 1]! - start <= SCANNED_AT_ONCE) to += 1;
      const isHuge = this.#bounds[2 * to - 1]! - start > MOST_RECORD_BYTES;
      const bytes = isHuge ? undefined : await this.#source.read(start, this.#bounds[2 * to - 1]!);
      for (; from < to; from += 1) {
        const [begin, end] = [this.#bounds[2 * from]!, this.#bounds[2 * from + 1]!];
        yield bytes === undefined ? tooLarge() : this.#parsed(bytes.subarray(begin - start, end - start));
      }
    }
  }

  async #record(index: number): Promise<TableRecord | DamagedRow> {
    const bytes = await this.#bytes(index);
    return bytes instanceof DamagedRow ? bytes : this.#parsed(bytes);
  }

  async #bytes(index: number): Promise<Uint8Array | DamagedRow> {
    const [start, end] = [this.#bounds[2 * index]!, this.#bounds[2 * index + 1]!];
    return end - start > MOST_RECORD_BYTES ? tooLarge() : this.#source.read(start, end);
  }

  async #cells(index: number): Promise<string[] | DamagedRow> {
    const bytes = await this.#bytes(index);
    return bytes instanceof DamagedRow ? bytes : cellsOf(bytes, this.#format);
  }

  #parsed(bytes: Uint8Array): TableRecord | DamagedRow {
    if (this.#format.kind !== "csv") return jsonOf(bytes);
    const cells = cellsOf(bytes, this.#format);
    if (cells instanceof DamagedRow) return cells;
    if (cells.length !== this.columns.length) {
      return new DamagedRow(`it has ${cells.length} cells for ${this.columns.length} columns`);
    }
    return Object.fromEntries(this.columns.map((name, at) => [name, cells[at]]));
  }
}

function tooLarge(): DamagedRow {
  return new DamagedRow("the record is larger than 16 MiB");
}

async function formatOf(source: ByteSource): Promise<TextFormat> {
  const { path } = source;
  if (/\.csv$/i.test(path)) return { kind: "csv", delimiter: "," };
  if (/\.tsv$/i.test(path)) return { kind: "csv", delimiter: "\t" };
  const start = Buffer.from(await source.read(0, Math.min(64, source.byteLength))).toString("utf8");
  const [first] = start.replace(/^\uFEFF/, "").trimStart();
  if (first === "[") return { kind: "array" };
  if (first === "{") return { kind: "lines" };
  throw new DataError(`${path} is neither JSON lines, a JSON array of records, nor CSV.`, {
    hint: "Name a CSV file .csv or .tsv.",
  });
}

function jsonOf(bytes: Uint8Array): TableRecord | DamagedRow {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"));
  } catch {
    return new DamagedRow("it is no JSON");
  }
  return isRecord(value) ? value : new DamagedRow("it is no record");
}

function cellsOf(bytes: Uint8Array, { delimiter = "," }: TextFormat): string[] | DamagedRow {
  try {
    const [cells] = parseCsv(Buffer.from(bytes), { bom: true, delimiter, relax_column_count: true });
    return cells ?? [];
  } catch {
    return new DamagedRow("its quotes do not match");
  }
}
