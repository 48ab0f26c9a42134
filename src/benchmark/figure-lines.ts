/** Results as lines of figures, for spreadsheets and programs: results.csv. */

import type { LoggedMeasure } from "../runs/arm-result.ts";
import type { Estimate } from "./figures.ts";
import { headlineOf, type Results } from "./results.ts";

/** Every figure as a line of its own, below the names of the columns. */
export function figureLines({ benchmarks, averages }: Results): string[][] {
  const head = [
    "benchmark",
    "arm",
    "task",
    "measure",
    "unit",
    "mean",
    "low",
    "high",
    "rows",
    "edits",
    "failed",
    "no_picture",
    "judge",
  ];
  const number = (value: number | null): string => (value === null ? "" : String(value));
  return [
    head,
    ...benchmarks.flatMap(({ benchmark, measures, arms }) =>
      arms.flatMap(({ arm, tasks, judge, bestOfN, bySeed, differences }) => [
        ...tasks.flatMap(({ task, edits, failed, pictureless, figures }) =>
          measures.flatMap(({ name, unit }) =>
            lineOf(figures[name], [benchmark, arm, task, name, unit], [edits, failed, pictureless], judge),
          ),
        ),
        ...lineOf(bestOfN, [benchmark, arm, "all", `best_of_${bestOfN?.n}`, "score"], [], judge),
        ...Object.entries(bySeed?.means ?? {}).flatMap(([seed, mean]) => {
          const headline = headlineOf(measures)!;
          const names = [benchmark, arm, "all", `${headline.name}_seed_${seed}`, headline.unit];
          return lineOf({ mean, low: null, high: null, count: tasks[0]!.rows }, names, [], judge);
        }),
        ...measures.flatMap(({ name, unit }: LoggedMeasure) =>
          lineOf(differences?.[name], [benchmark, arm, "all", `difference_${name}`, unit], [], judge),
        ),
      ]),
    ),
    // Of several benchmarks, each as much as the others.
    ...averages.flatMap(({ arm, benchmarks: of, difference, ...average }) => {
      const judge = benchmarks[0]?.arms.find((one) => one.arm === arm)?.judge;
      const names = [of.join(" "), arm, "all"];
      return [
        ...lineOf({ ...average, count: average.rows }, [...names, "average", "score"], [], judge),
        ...lineOf(difference, [...names, "difference_average", "score"], [], judge),
      ];
    }),
  ];
  function lineOf(
    estimate: Estimate | undefined,
    names: string[],
    counts: number[],
    judge: string | undefined,
  ): string[][] {
    if (estimate === undefined) return [];
    const { mean, low, high, count } = estimate;
    const cells = counts.length === 0 ? ["", "", ""] : counts.map(String);
    return [[...names, String(mean), number(low), number(high), String(count), ...cells, judge ?? ""]];
  }
}
