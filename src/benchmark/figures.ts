/**
 * Figures of edits that were scored: means over rows with 95 % intervals, a row's value being the mean of its draws.
 * Intervals are drawn over rows, which are what a benchmark is a sample of.
 */

import {
  bootstrapInterval,
  mean,
  quantile,
  std,
  wilsonInterval,
  type Interval,
} from "../algorithms/statistics.ts";
import { Rng } from "../random.ts";
import type { LoggedMeasure } from "../runs/arm-result.ts";
import type { EditScore } from "./score-edits.ts";

/** An interval has ends where there are two rows at least: one alone says nothing about their spread. */
export interface Estimate {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Rows. */
  readonly count: number;
}

/** One arm's scores on one benchmark. */
export interface ArmScores {
  readonly arm: string;
  readonly benchmark: string;
  readonly measures: readonly LoggedMeasure[];
  readonly scores: readonly EditScore[];
}

export interface TaskFigures {
  /** A kind of edit, or "all". */
  readonly task: string;
  readonly rows: number;
  readonly edits: number;
  /** Edits that a judge was asked about and gave no score. */
  readonly failed: number;
  /** Edits that show no picture: undecodable or missing. */
  readonly pictureless: number;
  /** By measure; one that could be taken of no edit is left out. */
  readonly figures: Readonly<Record<string, Estimate>>;
}

export const SCORE = "reward";

/** What a measure says of one edit; undefined where it could not be taken. */
export function valueOf({ verdict, values }: EditScore, measure: string): number | undefined {
  const scored = verdict?.kind === "scored" ? verdict : undefined;
  if (measure === SCORE) return scored?.score;
  return values[measure] ?? scored?.subscores[measure];
}

/** Values by row: the mean of its draws that have one. Rows without any are left out. */
export function valuesByRow(scores: readonly EditScore[], measure: string): Map<string, number> {
  const draws = new Map<string, number[]>();
  for (const score of scores) {
    const value = valueOf(score, measure);
    if (value === undefined) continue;
    const known = draws.get(score.id);
    if (known === undefined) draws.set(score.id, [value]);
    else known.push(value);
  }
  return new Map([...draws].map(([id, values]) => [id, mean(values)]));
}

/** The mean of at least one value. Shares of rows that are all 0 or 1 have Wilson's interval, others the bootstrap's. */
export function estimate(values: readonly number[], unit = "score"): Estimate {
  const count = values.length;
  const isYesOrNo = unit === "share" && values.every((value) => value === 0 || value === 1);
  if (isYesOrNo) return { ...wilsonInterval(values.filter((value) => value === 1).length, count), count };
  if (count < 2) return { mean: mean(values), low: null, high: null, count };
  return { ...bootstrapInterval(values, Rng.from(0, "benchmark/bootstrap")), count };
}

/** "all" first, then each kind of edit by name where there are several. */
export function figuresByTask({ scores, measures }: ArmScores): TaskFigures[] {
  const tasks = [...new Set(scores.map(({ task }) => task))].toSorted();
  const all = figuresOf("all", scores, measures);
  if (tasks.length < 2) return [all];
  return [
    all,
    ...tasks.map((task) =>
      figuresOf(
        task,
        scores.filter((one) => one.task === task),
        measures,
      ),
    ),
  ];
}

function figuresOf(
  task: string,
  scores: readonly EditScore[],
  measures: readonly LoggedMeasure[],
): TaskFigures {
  const figures = measures.flatMap(({ name, unit }) => {
    const values = [...valuesByRow(scores, name).values()];
    return values.length === 0 ? [] : [[name, estimate(values, unit)] as const];
  });
  const kindOf = ({ verdict }: EditScore) => verdict?.kind;
  return {
    task,
    rows: new Set(scores.map(({ id }) => id)).size,
    edits: scores.length,
    failed: scores.filter((one) => ["unparsable", "unreachable"].includes(kindOf(one) ?? "")).length,
    pictureless: scores.filter((one) => ["undecodable", "missing"].includes(kindOf(one) ?? "")).length,
    figures: Object.fromEntries(figures),
  };
}

/** How far seeds differ: the mean of each, and the sample standard deviation of these means. */
export function figuresBySeed(
  scores: readonly EditScore[],
  measure: string,
): { readonly means: Readonly<Record<string, number>>; readonly deviation: number } | undefined {
  const seeds = [...new Set(scores.map(({ seed }) => seed))];
  const means = seeds.flatMap((seed) => {
    const values = [
      ...valuesByRow(
        scores.filter((one) => one.seed === seed),
        measure,
      ).values(),
    ];
    return values.length === 0 ? [] : [[String(seed), mean(values)] as const];
  });
  if (means.length < 2) return undefined;
  return {
    means: Object.fromEntries(means),
    deviation: std(
      means.map(([, value]) => value),
      "sample",
    ),
  };
}

/** The mean over rows of the best of n samples, seeds averaged; undefined where there is one sample. */
export function bestOfN(
  scores: readonly EditScore[],
  measure: string,
): (Estimate & { readonly n: number }) | undefined {
  const n = new Set(scores.map(({ sample }) => sample)).size;
  if (n < 2) return undefined;
  const best = new Map<string, number>();
  for (const score of scores) {
    const value = valueOf(score, measure);
    if (value === undefined) continue;
    const key = JSON.stringify([score.id, score.seed]);
    best.set(key, Math.max(best.get(key) ?? -Infinity, value));
  }
  const rows = new Map<string, number[]>();
  for (const [key, value] of best) {
    const [id] = JSON.parse(key) as [string, number];
    rows.set(id, [...(rows.get(id) ?? []), value]);
  }
  const values = [...rows.values()].map(mean);
  return values.length === 0 ? undefined : { ...estimate(values), n };
}

/** Differences to a baseline, row by row, over the rows that both have a value of; undefined where there is none. */
export function pairedDifference(
  { scores }: ArmScores,
  baseline: ArmScores,
  measure: string,
): Estimate | undefined {
  const before = valuesByRow(baseline.scores, measure);
  const differences = [...valuesByRow(scores, measure)].flatMap(([id, value]) => {
    const other = before.get(id);
    return other === undefined ? [] : [value - other];
  });
  return differences.length === 0 ? undefined : estimate(differences);
}

/**
 * The plain mean of benchmarks' means, as the paper's AVG, and its interval: each benchmark's rows are drawn anew, apart
 * from the others'.
 */
export function averageOf(benchmarks: readonly (readonly number[])[], draws = 1000): Interval {
  const centre = mean(benchmarks.map(mean));
  const rng = Rng.from(0, "benchmark/average");
  const averages = Array.from({ length: draws }, () =>
    mean(
      benchmarks.map((values) => {
        let sum = 0;
        for (let index = 0; index < values.length; index += 1) sum += values[rng.integer(values.length)]!;
        return sum / values.length;
      }),
    ),
  );
  return { mean: centre, low: quantile(averages, 0.025), high: quantile(averages, 0.975) };
}
