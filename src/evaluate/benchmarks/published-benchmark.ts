/** What published benchmarks have in common: a folder, a generation that is checked, measures beside the run's reward. */

import { z } from "zod";

import type { Variant } from "../../config/choice.ts";
import { path } from "../../config/ranges.ts";
import { DamagedRow } from "../../data/containers/row-table.ts";
import type { EditDataset } from "../../data/edit-dataset.ts";
import type { TableSplit } from "../../data/table-dataset.ts";
import { DataError } from "../../errors.ts";
import type { Benchmark, BenchmarkContext, Instruments, Measure } from "../benchmark.ts";
import { rewardMeasure } from "../measures.ts";

const options = z.strictObject({
  directory: path.describe("Folder of the benchmark's files as published."),
});

interface PublishedBenchmark {
  readonly name: string;
  readonly about: string;
  /** Opens its edits in the folder and checks that they are the ones everybody measures on. */
  readonly examples: (directory: string) => Promise<EditDataset>;
  /** Its own measures, those that the instruments allow. */
  readonly measures?: (instruments: Instruments) => readonly Measure[];
}

export function publishedBenchmark({
  name,
  about,
  examples,
  measures = () => [],
}: PublishedBenchmark): Variant<BenchmarkContext, Benchmark, typeof options> {
  return {
    about,
    options,
    open: ({ directory }, { reward, prepare, instruments = {} }) => ({
      name,
      reward,
      measures: [rewardMeasure(reward), ...measures(instruments)],
      examples: () => examples(directory),
      open: async () => prepare(await examples(directory)),
    }),
  };
}

/** What a generation of a benchmark is known by. */
export interface Generation {
  /** "OmniEdit dev (TIGER-Lab/OmniEdit-Filtered-1.2M)" */
  readonly title: string;
  readonly rows: number;
  /** Rows of each value of a column. */
  readonly by?: { readonly column: string; readonly counts: Readonly<Record<string, number>> };
}

/** Throws DataError where rows or their kinds are not those of the generation: scores on others are other scores. */
export async function requireGeneration(
  { directory, series }: TableSplit,
  { title, rows, by }: Generation,
): Promise<void> {
  const hint = "Scores on other rows cannot be compared: fetch the revision that everybody measures on.";
  if (series.rows !== rows) {
    throw new DataError(`${directory} has ${series.rows} rows, ${title} has ${rows}.`, { hint });
  }
  if (by === undefined) return;
  series.requireColumns([by.column]);
  const found = new Map<string, number>();
  for await (const record of series.scan([by.column])) {
    const value = record instanceof DamagedRow ? "damaged" : String(record[by.column]);
    found.set(value, (found.get(value) ?? 0) + 1);
  }
  const names = [...new Set([...found.keys(), ...Object.keys(by.counts)])].toSorted();
  for (const name of names) {
    const [got, want] = [found.get(name) ?? 0, by.counts[name] ?? 0];
    if (got === want) continue;
    throw new DataError(
      `${directory} has ${got} rows of ${by.column} ${JSON.stringify(name)}, ${title} has ${want}.`,
      { hint },
    );
  }
}
