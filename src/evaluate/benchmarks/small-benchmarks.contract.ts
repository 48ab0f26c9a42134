/** What tests of benchmarks share: published layouts written small, and opening them without a run. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { parquetWriteBuffer, type ColumnSource } from "hyparquet-writer";
import { expect } from "vitest";

import type { EditDataset } from "../../data/edit-dataset.ts";
import { referenceReward } from "../../rewards/reference.ts";
import type { Benchmark } from "../benchmark.ts";
import { BenchmarkChoice, openBenchmark } from "../open-benchmark.ts";

export type Kind = Exclude<BenchmarkChoice["kind"], "held-out">;
/** Stands for a picture's file where nobody decodes it. */
export const PIXEL = Uint8Array.of(1, 2, 3);

export function benchmark(kind: Kind, directory: string, partial = false): Benchmark {
  const never = (): never => expect.fail();
  const choice = BenchmarkChoice.parse({ kind, directory, partial });
  return openBenchmark(choice, { reward: referenceReward, edits: never, prepare: never });
}

export const examples = async (kind: Kind, directory: string, partial = false): Promise<EditDataset> =>
  benchmark(kind, directory, partial).examples!();

export const repeated = <T>(count: number, of: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => of(index));

/** A parquet file with these columns, of numbers, texts or bytes. */
export function writeParquet(path: string, columns: Record<string, unknown[]>): void {
  const columnData = Object.entries(columns).map(([column, data]): ColumnSource => {
    const [first] = data;
    const plain = typeof first === "number" ? "INT32" : "STRING";
    return { name: column, data, type: first instanceof Uint8Array ? "BYTE_ARRAY" : plain };
  });
  writeText(path, new Uint8Array(parquetWriteBuffer({ columnData })));
}

/** A file with this content, its folders made. */
export function writeText(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** The file at the end of a folder's `data/`. */
export const inData = (folder: string, name: string, file: string): string =>
  join(folder, name, "data", file);
