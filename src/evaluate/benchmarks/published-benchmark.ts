/** What published benchmarks have in common: a folder, a generation that is checked, measures beside the run's reward. */

import { z } from "zod";

import { path } from "../../config/ranges.ts";
import { DamagedRow } from "../../data/containers/row-table.ts";
import type { EditDataset } from "../../data/edit-dataset.ts";
import { NoFolder, NoSplit } from "../../data/split-files.ts";
import type { TableSplit } from "../../data/table-dataset.ts";
import { DataError } from "../../errors.ts";
import type { BenchmarkVariant } from "../benchmark.ts";
import { rewardMeasure } from "../measures.ts";
import { instrumentsIn, ownMeasures, type OwnMeasures } from "../own-measures.ts";

/** `home` is where its files are published. */
const optionsOf = (home: string) =>
  z.strictObject({
    directory: path.default(home).describe("Folder of the benchmark's files as published, or its address."),
    partial: z
      .boolean()
      .default(false)
      .describe(
        "Take whatever rows there are, a sample's for example; what is measured then compares with nothing.",
      ),
  });

interface PublishedBenchmark {
  readonly name: string;
  readonly about: string;
  /** Where it is published: "hf://owner/name". */
  readonly home: string;
  /** Opens its edits in the folder; `check` makes sure that they are the ones everybody measures on. */
  readonly examples: (directory: string, check: GenerationCheck) => Promise<EditDataset>;
  /** Beside the reward. */
  readonly measures?: OwnMeasures;
}

export function publishedBenchmark({
  name,
  about,
  home,
  examples,
  measures: own = {},
}: PublishedBenchmark): BenchmarkVariant<ReturnType<typeof optionsOf>> {
  return {
    about,
    options: optionsOf(home),
    uses: instrumentsIn(own),
    open: ({ directory, partial }, { reward, prepare, instruments = {} }) => {
      const { measures, leftOut } = ownMeasures(own, instruments);
      const open = async (): Promise<EditDataset> => {
        try {
          return await examples(directory, partial ? anyGeneration : requireGeneration);
        } catch (error) {
          if (!(error instanceof NoSplit || error instanceof NoFolder)) throw error;
          // What is said to somebody who trains would be no help here.
          throw new DataError(error.message, {
            hint: `${name} is published as ${home}: fetch it, or name the folder that its files lie in.`,
            cause: error,
          });
        }
      };
      return {
        name,
        reward,
        measures: [rewardMeasure(reward), ...measures],
        leftOut,
        isPartial: partial,
        examples: open,
        open: async () => prepare(await open()),
      };
    },
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

/** Holds a split, or what was opened of it, against the generation that it should be. */
export interface GenerationCheck {
  (split: TableSplit, generation: Generation): Promise<void>;
  (edits: Pick<EditDataset, "directory" | "count">, generation: Omit<Generation, "by">): Promise<void>;
}

const anyGeneration: GenerationCheck = async () => {};

/** Throws DataError where rows or their kinds are not those of the generation: scores on others are other scores. */
export async function requireGeneration(
  found: TableSplit | Pick<EditDataset, "directory" | "count">,
  { title, rows, by }: Generation,
): Promise<void> {
  const hint =
    "Scores on other rows cannot be compared: fetch the revision that everybody measures on, or say `partial: true` (--partial).";
  const { directory } = found;
  const got = "series" in found ? found.series.rows : found.count;
  if (got !== rows) throw new DataError(`${directory} has ${got} rows, ${title} has ${rows}.`, { hint });
  if (by === undefined || !("series" in found)) return;
  const { series } = found;
  series.requireColumns([by.column]);
  const counts = new Map<string, number>();
  for await (const record of series.scan([by.column])) {
    const value = record instanceof DamagedRow ? "damaged" : String(record[by.column]);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const names = [...new Set([...counts.keys(), ...Object.keys(by.counts)])].toSorted();
  for (const name of names) {
    const [has, want] = [counts.get(name) ?? 0, by.counts[name] ?? 0];
    if (has === want) continue;
    throw new DataError(
      `${directory} has ${has} rows of ${by.column} ${JSON.stringify(name)}, ${title} has ${want}.`,
      { hint },
    );
  }
}
