/** The files of a split, opened as tables in their order. */

import { ArrowStream } from "./containers/arrow-stream.ts";
import { ParquetFile } from "./containers/parquet-file.ts";
import type { RowTable } from "./containers/row-table.ts";
import { TableSeries } from "./containers/table-series.ts";
import type { DatasetSplit } from "./edit-dataset.ts";
import { splitFiles } from "./split-files.ts";
import type { TableSplit } from "./table-dataset.ts";

/** Throws DataError where there is no such split, or one of its files is no parquet. */
export function openParquetSplit(directory: string, split: DatasetSplit): Promise<TableSplit> {
  return openSplit(directory, split, [".parquet"], (path) => ParquetFile.open(path));
}

/** A split that `save_to_disk` wrote. Throws DataError where there is none, or one of its files is no Arrow. */
export function openArrowSplit(directory: string, split: DatasetSplit): Promise<TableSplit> {
  return openSplit(directory, split, [".arrow"], (path) => ArrowStream.open(path));
}

async function openSplit(
  directory: string,
  split: DatasetSplit,
  endings: readonly string[],
  open: (path: string) => Promise<RowTable>,
): Promise<TableSplit> {
  const { files, notices } = await splitFiles(directory, split, { endings });
  const tables: RowTable[] = [];
  for (const path of files) tables.push(await open(path));
  return { split, directory, series: new TableSeries(tables), notices };
}
