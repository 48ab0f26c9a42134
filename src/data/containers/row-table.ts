/** What every container of rows is, whatever its format: rows by number, cells by the name of their column. */

export type TableRecord = Readonly<Record<string, unknown>>;

/** What stands in the place of a row whose bytes cannot be decoded. */
export class DamagedRow {
  /** Why, in the reader's words. */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

export interface RowTable {
  /** File or address. */
  readonly path: string;
  /** The name used in errors. */
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly string[];
  /**
   * The rows with these numbers, in the order asked. Throws RangeError for a number that is no row's, DataError where the
   * file is gone or its disk fails.
   */
  read(indices: readonly number[], columns: readonly string[]): Promise<(TableRecord | DamagedRow)[]>;
  /** All rows in order, these columns of them. */
  scan(columns: readonly string[]): AsyncGenerator<TableRecord | DamagedRow>;
}
