/** The files of a split, opened as tables in their order. */

import { ArrowStream } from "./containers/arrow-stream.ts";
import { ParquetFile } from "./containers/parquet-file.ts";
import type { RowTable } from "./containers/row-table.ts";
import { TableSeries } from "./containers/table-series.ts";
import type { DatasetSplit } from "./edit-dataset.ts";
import { basename, join } from "node:path";
import { readdir } from "node:fs/promises";
import { NoSplit, splitFiles } from "./split-files.ts";
import type { TableSplit } from "./table-dataset.ts";

/** Throws DataError where there is no such split, or one of its files is no parquet. */
export function openParquetSplit(directory: string, split: DatasetSplit): Promise<TableSplit> {
  return openSplit(directory, split, [".parquet"], (path) => ParquetFile.open(path));
}

/** A split that `save_to_disk` wrote. Throws DataError where there is none, or one of its files is no Arrow. */
export function openArrowSplit(directory: string, split: DatasetSplit): Promise<TableSplit> {
  return openSplit(directory, split, [".arrow"], (path) => ArrowStream.open(path));
}

/**
 * The only split of a folder, in Arrow or parquet, whatever its files are called: `save_to_disk` gives a dataset
 * without splits files that name none (`data-00000-of-00002.arrow`). Throws DataError where there is no such file.
 */
export async function openWhole(directory: string): Promise<TableSplit> {
  const endings = [".arrow", ".parquet"];
  try {
    return await openSplit(directory, "train", endings, openTable);
  } catch (error) {
    const unnamed = error instanceof NoSplit ? await filesIn(directory, endings) : [];
    if (unnamed.length === 0) throw error;
    const tables: RowTable[] = [];
    for (const path of unnamed) tables.push(await openTable(path));
    return { split: "train", directory, series: new TableSeries(tables) };
  }
}

/** A parquet file of this name in the folder or its `data/`, as a test split; undefined where there is none. */
export async function openParquetNamed(directory: string, name: string): Promise<TableSplit | undefined> {
  for (const path of await filesIn(directory, [".parquet"])) {
    if (basename(path) !== name) continue;
    return { split: "test", directory, series: new TableSeries([await ParquetFile.open(path)]) };
  }
  return undefined;
}

function openTable(path: string): Promise<RowTable> {
  return path.endsWith(".arrow") ? ArrowStream.open(path) : ParquetFile.open(path);
}

async function filesIn(directory: string, endings: readonly string[]): Promise<string[]> {
  for (const folder of [directory, join(directory, "data")]) {
    const names = await readdir(folder).catch(() => []);
    const fitting = names.filter((name) => endings.some((ending) => name.endsWith(ending)));
    if (fitting.length > 0) return fitting.toSorted().map((name) => join(folder, name));
  }
  return [];
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
