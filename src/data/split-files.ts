/** Which files of a folder belong to a split, and what they hold, for the run's manifest. */

import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { DataError } from "../errors.ts";
import type { DatasetSplit } from "./edit-dataset.ts";
import { fileSha256 } from "./file-hash.ts";
import { ParquetFile } from "./parquet.ts";

const PREFIXES: Readonly<Record<DatasetSplit, readonly string[]>> = {
  train: ["train"],
  // Published datasets call the held-out split that one tunes on either way.
  validation: ["validation", "dev"],
  test: ["test"],
};

/**
 * Parquet files of a split, in order, in the folder itself or its `data/` (as on the Hugging Face hub). Where a
 * split was published twice in different numbers of shards (OmniEdit's dev), the single-file one is taken: both
 * hold the same rows. Throws DataError where there is no folder or no such file.
 */
export async function splitFiles(directory: string, split: DatasetSplit): Promise<string[]> {
  const found = await parquetFiles(directory);
  for (const prefix of PREFIXES[split]) {
    const files = found.filter((path) => new RegExp(`^${prefix}([-_.].*)?\\.parquet$`).test(basename(path)));
    if (files.length > 0) return oneGeneration(files);
  }
  const wanted = PREFIXES[split].map((prefix) => `${prefix}-*.parquet`).join(" or ");
  throw new DataError(`${directory} has no ${wanted}.`, {
    hint:
      found.length === 0
        ? "Point data.directory at the folder that holds the parquet files."
        : `It has ${found.map((path) => basename(path)).join(", ")}.`,
  });
}

/** Every parquet file of the folder and its `data/`, sorted by path. */
async function parquetFiles(directory: string): Promise<string[]> {
  const isFolder = await stat(directory).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new DataError(`There is no folder ${directory}.`, {
      hint: "Check data.directory, or write a dataset with: earl data scenes --out DIR",
    });
  }
  const listed = await Promise.all(
    [directory, join(directory, "data")].map(async (folder) => {
      const names = await readdir(folder).catch(() => []);
      return names.filter((name) => name.endsWith(".parquet")).map((name) => join(folder, name));
    }),
  );
  return listed.flat().toSorted();
}

function oneGeneration(files: readonly string[]): string[] {
  const shardCount = (path: string): string => /-of-(\d+)/.exec(basename(path))?.[1] ?? "";
  const generations = new Set(files.map(shardCount));
  if (generations.size < 2) return [...files];
  const single = files.filter((path) => shardCount(path) === "00001");
  if (single.length > 0) return single;
  throw new DataError(
    `Shards of different generations lie together: ${files.map((path) => basename(path)).join(", ")}.`,
    {
      hint: "Keep the shards of one generation (all -of-N with the same N).",
    },
  );
}

export interface FileFingerprint {
  /** Name within the dataset's folder. */
  readonly file: string;
  readonly sha256: string;
  readonly rows: number;
}

/** Hash and rows of every parquet file of a dataset's folder. */
export async function datasetFingerprint(directory: string): Promise<FileFingerprint[]> {
  const fingerprints: FileFingerprint[] = [];
  for (const path of await parquetFiles(directory)) {
    const { rows } = await ParquetFile.open(path);
    fingerprints.push({
      file: path.slice(directory.length).replace(/^[\\/]+/, ""),
      sha256: await fileSha256(path),
      rows,
    });
  }
  return fingerprints;
}
