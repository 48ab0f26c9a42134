/** A split of an edit dataset on disk, read as rows are needed. */

import type { EditExample } from "./edit-example.ts";

export interface EditDataset {
  /** The split that was asked for. */
  readonly split: DatasetSplit;
  readonly count: number;
  /** The files the rows come from. */
  readonly files: readonly string[];
  /** Examples by number, in the order asked. Throws DataError that names file and row of a broken one. */
  read(indices: readonly number[]): Promise<EditExample[]>;
  readAll(): Promise<EditExample[]>;
}

export type DatasetSplit = "train" | "validation" | "test";
