/** Tables one after another, as one: a split in shards. A row has a number among all of them. */

import { DataError } from "../../errors.ts";
import { DamagedRow, type RowTable, type TableRecord } from "./row-table.ts";

export interface TablePlace {
  readonly table: RowTable;
  readonly row: number;
}

export class TableSeries {
  readonly tables: readonly RowTable[];
  readonly rows: number;
  /** Number of each table's first row. */
  readonly #starts: readonly number[];

  constructor(tables: readonly RowTable[]) {
    this.tables = tables;
    const starts: number[] = [];
    let rows = 0;
    for (const table of tables) {
      starts.push(rows);
      rows += table.rows;
    }
    this.#starts = starts;
    this.rows = rows;
  }

  /** The columns that every table has. */
  get columns(): readonly string[] {
    const [first, ...others] = this.tables;
    return (first?.columns ?? []).filter((name) => others.every(({ columns }) => columns.includes(name)));
  }

  /** Throws DataError that names the first table without one of the columns, and what it has. */
  requireColumns(names: readonly string[]): void {
    for (const { path, columns } of this.tables) {
      const missing = names.filter((name) => !columns.includes(name));
      if (missing.length > 0) {
        throw new DataError(`${path} has no column ${missing.join(", ")}.`, {
          hint: `It has ${columns.join(", ")}.`,
        });
      }
    }
  }

  /** Throws RangeError for a number that is no row's. */
  placeOf(number: number): TablePlace {
    const at = this.#starts.findLastIndex((start) => start <= number);
    const table = this.tables[at];
    const row = number - (this.#starts[at] ?? 0);
    if (table === undefined || !(row < table.rows)) {
      throw new RangeError(`There are ${this.rows} rows, no row ${number}.`);
    }
    return { table, row };
  }

  /** "train-00000-of-00002.parquet, row 12" */
  originOf(number: number): string {
    const { table, row } = this.placeOf(number);
    return `${table.name}, row ${row}`;
  }

  /** The rows with these numbers, in the order asked; columns that a table lacks are absent from its records. */
  async read(numbers: readonly number[], columns: readonly string[]): Promise<(TableRecord | DamagedRow)[]> {
    const slots = new Map<RowTable, { readonly slot: number; readonly row: number }[]>();
    for (const [slot, number] of numbers.entries()) {
      const { table, row } = this.placeOf(number);
      const wanted = slots.get(table);
      if (wanted === undefined) slots.set(table, [{ slot, row }]);
      else wanted.push({ slot, row });
    }
    const rows: (TableRecord | DamagedRow)[] = [];
    for (const [table, wanted] of slots) {
      const there = columns.filter((name) => table.columns.includes(name));
      const records = await table.read(
        wanted.map(({ row }) => row),
        there,
      );
      for (const [order, record] of records.entries()) rows[wanted[order]!.slot] = record;
    }
    return rows;
  }

  /** All rows in order. */
  async *scan(columns: readonly string[]): AsyncGenerator<TableRecord | DamagedRow> {
    for (const table of this.tables) {
      yield* table.scan(columns.filter((name) => table.columns.includes(name)));
    }
  }
}
