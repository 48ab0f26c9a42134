/** What was measured, put together: figures of each arm on each benchmark, differences, and averages over benchmarks. */

import { BENCHMARKS } from "../evaluate/open-benchmark.ts";
import type { ShownEdit } from "../report/edits-table.ts";
import type { LoggedMeasure } from "../runs/arm-result.ts";
import { EARL_KINDS } from "./benchmark-settings.ts";
import {
  averageOf,
  bestOfN,
  figuresBySeed,
  figuresByTask,
  pairedDifference,
  SCORE,
  valuesByRow,
  type Estimate,
  type TaskFigures,
} from "./figures.ts";
import { differencesFromPaper, PAPER_ROWS, PAPER_SOURCE, paperScore, type PaperRow } from "./paper-scores.ts";
import type { Rewards } from "./judges.ts";
import { COPY_ARM } from "./named-arms.ts";
import type { ScoredArm } from "./scored-arm.ts";
import { besideEachOther } from "./shown-edits.ts";

export interface ArmResults {
  readonly arm: string;
  readonly recipe: ScoredArm["recipe"];
  readonly judge: string | undefined;
  readonly judgedAt: string;
  readonly seeds: readonly number[];
  readonly samples: number;
  readonly tasks: readonly TaskFigures[];
  readonly bestOfN: (Estimate & { readonly n: number }) | undefined;
  readonly bySeed: ReturnType<typeof figuresBySeed>;
  /** The first arm minus this one, by measure; absent of the first. */
  readonly differences: Readonly<Record<string, Estimate>> | undefined;
}

export interface BenchmarkResults {
  readonly benchmark: string;
  readonly kind: string | undefined;
  readonly isWhole: boolean;
  readonly rows: number;
  readonly broken: number;
  readonly measures: readonly LoggedMeasure[];
  readonly arms: readonly ArmResults[];
  /** Some of its edits with every arm's picture, by path. */
  readonly edits: readonly ShownEdit[];
  /** Where figures may stand beside the paper's: its own, and in what the protocols differ. */
  readonly paper: { readonly differs: readonly string[] } | undefined;
}

export interface Average {
  readonly arm: string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Benchmarks that it is the mean of. */
  readonly benchmarks: readonly string[];
  /** Of all of them. */
  readonly rows: number;
  /** The first arm minus this one. */
  readonly difference: Estimate | undefined;
}

export interface Results {
  readonly baseline: string | undefined;
  readonly benchmarks: readonly BenchmarkResults[];
  /** Of the arms that a judge scored on every benchmark. */
  readonly averages: readonly Average[];
  readonly paper: { readonly source: string; readonly rows: readonly PaperRow[] } | undefined;
}

/** `arms` in the order of the tables; the first arm is what others are compared with. */
export function resultsOf(scored: readonly ScoredArm[], rewards: Rewards | undefined): Results {
  const names = inOrder(scored);
  const baseline = scored[0]?.arm;
  const benchmarks = names.map((name) =>
    benchmarkResults(
      scored.filter(({ benchmark }) => benchmark === name),
      baseline,
      rewards,
    ),
  );
  const isBesidePaper = benchmarks.some(({ paper }) => paper !== undefined);
  return {
    baseline,
    benchmarks,
    averages: averages(scored, averagedNames(benchmarks), baseline),
    paper: isBesidePaper ? { source: PAPER_SOURCE, rows: PAPER_ROWS } : undefined,
  };
}

/** Names of benchmarks in the order of the table of kinds; what has none comes last. */
function inOrder(scored: readonly ScoredArm[]): string[] {
  const order = Object.keys(BENCHMARKS);
  const place = ({ kind }: ScoredArm): number =>
    kind !== undefined && order.includes(kind) ? order.indexOf(kind) : order.length;
  const sorted = scored.toSorted((left, right) => place(left) - place(right));
  return [...new Set(sorted.map(({ benchmark }) => benchmark))];
}

function benchmarkResults(
  scored: readonly ScoredArm[],
  baseline: string | undefined,
  rewards: Rewards | undefined,
): BenchmarkResults {
  const [{ benchmark, kind, rows, broken } = { benchmark: "", kind: undefined, rows: 0, broken: 0 }] = scored;
  const measures = new Map(
    scored.flatMap((one) => one.measures.map((measure) => [measure.name, measure] as const)),
  );
  const isWhole = scored.every((one) => one.isWhole);
  const headline = headlineOf([...measures.values()]);
  const before = scored.find(({ arm }) => arm === baseline);
  const arms = scored.map((one): ArmResults => {
    const { arm, recipe, judge, judgedAt, seeds, samples } = one;
    return {
      arm,
      recipe,
      judge,
      judgedAt,
      seeds,
      samples,
      tasks: figuresByTask(one),
      bestOfN: headline?.name === SCORE ? bestOfN(one.scores, SCORE) : undefined,
      bySeed: headline === undefined ? undefined : figuresBySeed(one.scores, headline.name),
      differences: before === undefined || before === one ? undefined : differences(before, one),
    };
  });
  return {
    benchmark,
    kind,
    isWhole,
    rows,
    broken,
    measures: [...measures.values()],
    arms,
    // The copied source is the source.
    edits: besideEachOther(scored.filter(({ arm }) => arm !== COPY_ARM)),
    paper: isWhole ? besidePaper(kind, arms, rewards) : undefined,
  };
}

/** What stands for a benchmark in one column: the judge's score, or else its own first measure. */
export function headlineOf(measures: readonly LoggedMeasure[]): LoggedMeasure | undefined {
  return measures.find(({ name }) => name === SCORE) ?? measures[0];
}

function differences(first: ScoredArm, other: ScoredArm): Record<string, Estimate> {
  return Object.fromEntries(
    first.measures.flatMap(({ name }) => {
      const difference = pairedDifference(first, other, name);
      return difference === undefined ? [] : [[name, difference] as const];
    }),
  );
}

/** Only VIEScore's O may stand beside the paper's. */
function besidePaper(
  kind: string | undefined,
  arms: readonly ArmResults[],
  rewards: Rewards | undefined,
): BenchmarkResults["paper"] {
  const [reward, ...others] = rewards ?? [];
  if (reward?.kind !== "viescore" || others.length > 0 || reward.scoring === "checklist") return undefined;
  if (kind === undefined || paperScore(PAPER_ROWS[0]!, kind) === undefined) return undefined;
  const differs = new Set(
    arms.flatMap(({ arm, judge, judgedAt, seeds, samples, recipe, tasks }) =>
      differencesFromPaper({
        judge,
        usesPublishedPrompts: reward.prompts !== undefined,
        scoring: reward.scoring,
        judgedAt,
        seeds,
        samples,
        recipe,
        pictureless: tasks[0]?.pictureless ?? 0,
      }).map((one) => (arms.length > 1 && /^how|without a picture/.test(one) ? `${arm}: ${one}` : one)),
    ),
  );
  return { differs: [...differs] };
}

function averages(
  scored: readonly ScoredArm[],
  names: readonly string[],
  baseline: string | undefined,
): Average[] {
  const arms = [...new Set(scored.map(({ arm }) => arm))];
  const valuesOf = (arm: string): number[][] | undefined => {
    const all = names.map((name) => {
      const one = scored.find((other) => other.arm === arm && other.benchmark === name);
      return one?.judge === undefined ? [] : [...valuesByRow(one.scores, SCORE).values()];
    });
    return names.length < 2 || all.some((values) => values.length < 2) ? undefined : all;
  };
  return arms.flatMap((arm) => {
    const values = valuesOf(arm);
    if (values === undefined) return [];
    return [
      {
        arm,
        ...averageOf(values),
        benchmarks: names,
        rows: values.reduce((sum, { length }) => sum + length, 0),
        difference: averageDifference(scored, names, arm, baseline),
      },
    ];
  });
}

function averageDifference(
  scored: readonly ScoredArm[],
  names: readonly string[],
  arm: string,
  baseline: string | undefined,
): Estimate | undefined {
  if (baseline === undefined || arm === baseline) return undefined;
  const paired = names.map((name) => {
    const of = (who: string) => scored.find((one) => one.arm === who && one.benchmark === name);
    const [own, other] = [of(baseline), of(arm)];
    if (own === undefined || other === undefined) return [];
    const before = valuesByRow(other.scores, SCORE);
    return [...valuesByRow(own.scores, SCORE)].flatMap(([id, value]) => {
      const known = before.get(id);
      return known === undefined ? [] : [value - known];
    });
  });
  if (paired.some((values) => values.length < 2)) return undefined;
  const count = paired.reduce((sum, { length }) => sum + length, 0);
  return { ...averageOf(paired), count };
}

/** The paper's six where all of them were measured, as its AVG; else all that were. */
function averagedNames(benchmarks: readonly BenchmarkResults[]): string[] {
  const own = EARL_KINDS.flatMap((kind) => benchmarks.find((one) => one.kind === kind) ?? []);
  return (own.length === EARL_KINDS.length ? own : benchmarks).map(({ benchmark }) => benchmark);
}

/** True where the mean is over the paper's six, whole, so that its AVG may stand beside it. */
export function isPaperAverage({ benchmarks }: Pick<Results, "benchmarks">): boolean {
  const kinds = benchmarks.filter(({ paper }) => paper !== undefined).map(({ kind }) => kind);
  return EARL_KINDS.every((kind) => kinds.includes(kind));
}
