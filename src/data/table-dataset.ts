/**
 * A split whose rows lie in tables, one example a row: what a published dataset adds to its container is which columns
 * it has and how a record becomes an example. Of rows that share an id the first is kept: a split that was published
 * twice holds the same rows twice.
 */

import { DataError } from "../errors.ts";
import { atMost } from "./at-most.ts";
import { DamagedRow, type TableRecord } from "./containers/row-table.ts";
import { TableSeries } from "./containers/table-series.ts";
import type { BrokenRow, DatasetSplit, EditDataset, EditExample } from "./edit-dataset.ts";

/** Rows whose pictures are fetched at the same time, where they lie beside the table. */
const MADE_AT_ONCE = 4;

/** A row on its way to an example. */
export interface FoundRow {
  readonly record: TableRecord;
  /** Names it in errors. */
  readonly origin: string;
  /** Its number among all rows of the split's files. */
  readonly number: number;
}

export interface RowLayout {
  /** Columns that every file must have. */
  readonly columns: readonly string[];
  /** Read where they are there. */
  readonly optional?: readonly string[];
  /** What tells rows apart, where the dataset has it: columns, and the id made of them (undefined where a row has none). */
  readonly id?: {
    readonly columns: readonly string[];
    readonly of: (record: TableRecord) => string | undefined;
  };
  /** Rows that are wanted; all unless given. */
  readonly filter?: {
    readonly columns: readonly string[];
    readonly keep: (record: TableRecord) => boolean;
    /** What is kept ("source = ag"), for the user. */
    readonly says: string;
  };
  readonly exampleOf: (row: FoundRow) => EditExample | BrokenRow | Promise<EditExample | BrokenRow>;
}

export interface TableSplit {
  readonly split: DatasetSplit;
  readonly directory: string;
  readonly series: TableSeries;
  /** What is known already: files that are not read. */
  readonly notices?: readonly string[];
}

/** Throws DataError where a column is missing, or no row is left. */
export async function tableDataset(
  { split, directory, series, notices = [] }: TableSplit,
  layout: RowLayout,
): Promise<EditDataset> {
  series.requireColumns(layout.columns);
  const chosen = await chosenRows(series, layout);
  const count = chosen.numbers?.length ?? series.rows;
  const columns = [...layout.columns, ...(layout.optional ?? [])];
  return {
    split,
    directory,
    count,
    repeated: chosen.repeated,
    files: series.tables.map(({ path, rows }) => ({ path, rows })),
    notices: [...notices, ...chosen.notices],
    async read(indices) {
      const numbers = indices.map((index) => {
        if (!(index >= 0 && index < count)) throw new RangeError(`There are ${count} rows, no row ${index}.`);
        return chosen.numbers?.[index] ?? index;
      });
      const records = await series.read(numbers, columns);
      return atMost(MADE_AT_ONCE, records, async (record, at) => {
        const number = numbers[at]!;
        const origin = series.originOf(number);
        if (record instanceof DamagedRow) return damaged(origin, record);
        return layout.exampleOf({ record, origin, number });
      });
    },
  };
}

export function damaged(origin: string, { reason }: DamagedRow): BrokenRow {
  return { origin, broken: `it cannot be decoded (${reason})` };
}

interface ChosenRows {
  /** Undefined where all are. */
  readonly numbers: Uint32Array | undefined;
  readonly repeated: number;
  readonly notices: readonly string[];
}

/** Every wanted row but those that share an id with an earlier one. Rows whose id cannot be read are theirs alone. */
async function chosenRows(series: TableSeries, { id, filter }: RowLayout): Promise<ChosenRows> {
  const where = series.tables.map(({ path }) => path).join(", ");
  if (series.rows === 0) throw noRow(where);
  const columns = [...new Set([...(id?.columns ?? []), ...(filter?.columns ?? [])])];
  if (columns.length === 0) return { numbers: undefined, repeated: 0, notices: [] };
  series.requireColumns(columns);
  const numbers: number[] = [];
  const seen = new Set<string>();
  let [number, unwanted, repeated] = [-1, 0, 0];
  let example: string | undefined;
  for await (const record of series.scan(columns)) {
    number += 1;
    if (!(record instanceof DamagedRow)) {
      if (filter !== undefined && !filter.keep(record)) {
        unwanted += 1;
        continue;
      }
      const own = id?.of(record);
      if (own !== undefined) {
        if (seen.has(own)) {
          repeated += 1;
          example ??= own;
          continue;
        }
        seen.add(own);
      }
    }
    numbers.push(number);
  }
  if (numbers.length === 0) throw noWantedRow(where, filter?.says ?? "");
  if (repeated > 0 && numbers.length === 1) {
    throw new DataError(`${where}: all ${repeated + 1} rows share the id ${JSON.stringify(example)}.`, {
      hint: `Rows that share an id count once; give each its own in ${id?.columns.join(" and ")}.`,
    });
  }
  const isWhole = numbers.length === series.rows;
  const all = series.rows - unwanted;
  return {
    numbers: isWhole ? undefined : Uint32Array.from(numbers),
    repeated,
    notices: [
      ...(unwanted === 0
        ? []
        : [`${all} of ${series.rows} rows have ${filter?.says}; the others are left out.`]),
      ...repeatedNotice({ repeated, rows: all, example }),
    ],
  };
}

/** What is to be said of rows that share an id; nothing where none does. */
export function repeatedNotice({
  repeated,
  rows,
  example,
}: {
  readonly repeated: number;
  readonly rows: number;
  readonly example: string | undefined;
}): string[] {
  if (repeated === 0) return [];
  return [
    `${repeated} of ${rows} rows share the id of an earlier row (as ${JSON.stringify(example)}) and are left out; the first is kept.`,
  ];
}

function noRow(where: string): DataError {
  return new DataError(`${where}: there is no row.`, { hint: "Fetch or write the dataset again." });
}

function noWantedRow(where: string, says: string): DataError {
  return new DataError(`${where}: no row has ${says}.`, {
    hint: "Choose another filter in the data section.",
  });
}
