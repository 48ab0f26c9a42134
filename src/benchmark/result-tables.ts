/** Results as tables of words: one over all benchmarks, and for each its measures, kinds of edits and differences. */

import type { LoggedMeasure } from "../runs/arm-result.ts";
import { SCORE, type Estimate } from "./figures.ts";
import { EARL_KINDS } from "./benchmark-settings.ts";
import { paperScore } from "./paper-scores.ts";
import {
  headlineOf,
  isPaperAverage,
  type ArmResults,
  type BenchmarkResults,
  type Results,
} from "./results.ts";

export interface ResultTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Below it, in sentences. */
  readonly notes: readonly string[];
}

const NOTHING = "—";

/** The table over all first, where there are several benchmarks or the paper's figures to show. */
export function resultTables(results: Results): ResultTable[] {
  const { benchmarks } = results;
  const needsOverview = benchmarks.length > 1 || results.paper !== undefined;
  return [
    ...(needsOverview ? [overview(results)] : []),
    ...benchmarks.flatMap((one) => benchmarkTables(one, results)),
  ];
}

function overview(results: Results): ResultTable {
  const { benchmarks, averages, paper } = results;
  const arms = [...new Set(benchmarks.flatMap((one) => one.arms.map(({ arm }) => arm)))];
  const hasAverage = averages.length > 0;
  const averaged = averages[0]?.benchmarks ?? [];
  const isSix =
    averaged.length === EARL_KINDS.length &&
    EARL_KINDS.every((kind) => benchmarks.some((one) => one.kind === kind));
  const headlines = benchmarks.map(({ benchmark, measures }) => {
    const headline = headlineOf(measures);
    return headline === undefined ? benchmark : `${benchmark} ${headline.label}`;
  });
  const own = arms.map((arm) => {
    const average = averages.find((one) => one.arm === arm);
    return [
      arm,
      ...benchmarks.map((one) => {
        const headline = headlineOf(one.measures);
        const figures = one.arms.find((other) => other.arm === arm)?.tasks[0]?.figures;
        return headline === undefined ? NOTHING : estimateText(figures?.[headline.name], headline.unit);
      }),
      ...(hasAverage
        ? [average === undefined ? NOTHING : estimateText({ ...average, count: average.rows }, "score")]
        : []),
    ];
  });
  const theirs = (paper?.rows ?? []).map((row) => [
    `paper: ${row.arm}`,
    ...benchmarks.map((one) => {
      const score = one.paper === undefined ? undefined : paperScore(row, one.kind ?? "");
      return score === undefined ? NOTHING : score.toFixed(2);
    }),
    ...(hasAverage ? [isPaperAverage(results) ? row.average.toFixed(2) : NOTHING] : []),
  ]);
  const average = isSix ? "AVG" : `mean of ${averaged.length}`;
  const isPart = hasAverage && averaged.length < benchmarks.length;
  const differences = averages.flatMap(({ arm, difference }) =>
    difference === undefined
      ? []
      : [
          `${results.baseline} − ${arm}, ${average} of differences of the same rows: ${estimateText(difference, "score", true)}.`,
        ],
  );
  return {
    title: "All benchmarks",
    head: ["arm", ...headlines, ...(hasAverage ? [average] : [])],
    rows: [...own, ...theirs],
    notes: [
      "Means over rows with 95 % intervals (bootstrap over rows; Wilson's for shares).",
      ...(isPart ? [`${average} is the plain mean of ${averaged.join(", ")}.`] : []),
      ...differences,
      ...(paper === undefined ? [] : [`Rows of the paper: ${paper.source}.`]),
      ...differencesFromPaper(benchmarks),
    ],
  };
}

/** In what benchmarks differ from the paper's; those that differ alike in one sentence. */
function differencesFromPaper(benchmarks: readonly BenchmarkResults[]): string[] {
  const names = new Map<string, string[]>();
  for (const { benchmark, paper } of benchmarks) {
    const differs = (paper?.differs ?? []).join("; ");
    if (differs !== "") names.set(differs, [...(names.get(differs) ?? []), benchmark]);
  }
  return [...names].map(([differs, own]) => `${own.join(", ")}, unlike the paper: ${differs}.`);
}

/** Columns of figures that a table has at most; of more, the benchmark's own measures have a table of theirs. */
const MOST_FIGURES = 8;

/** The measures of each table. */
function measureGroups(measures: readonly LoggedMeasure[]): (readonly LoggedMeasure[])[] {
  if (measures.length <= MOST_FIGURES) return [measures];
  const judged = measures.filter(({ unit }) => unit === "score");
  const own = measures.filter(({ unit }) => unit !== "score");
  return [judged, own].filter(({ length }) => length > 0);
}

function benchmarkTables(one: BenchmarkResults, { baseline }: Results): ResultTable[] {
  const { benchmark, measures, arms } = one;
  const tasks = [...new Set(arms.flatMap((arm) => arm.tasks.map(({ task }) => task)))].filter(
    (task) => task !== "all",
  );
  const headline = headlineOf(measures);
  const [shown = [], ...others] = measureGroups(measures);
  const main: ResultTable = {
    title: benchmark,
    head: ["arm", "edits", "failed", "no picture", ...shown.map(({ label }) => label), ...bestHead(arms)],
    rows: arms.map((arm) => {
      const all = arm.tasks[0]!;
      return [
        arm.arm,
        String(all.edits),
        arm.judge === undefined ? NOTHING : String(all.failed),
        String(all.pictureless),
        ...shown.map(({ name, unit }) => estimateText(all.figures[name], unit)),
        ...(bestHead(arms).length === 0 ? [] : [estimateText(arm.bestOfN, "score")]),
      ];
    }),
    notes: notesOf(one),
  };
  const tables = [main];
  for (const own of others) {
    tables.push({
      title: `${benchmark}, its own measures`,
      head: ["arm", ...own.map(({ label }) => label)],
      rows: arms.map(({ arm, tasks: [all] }) => [
        arm,
        ...own.map(({ name, unit }) => estimateText(all!.figures[name], unit)),
      ]),
      notes: [],
    });
  }
  if (tasks.length > 0 && headline !== undefined) {
    tables.push({
      title: `${benchmark}, ${headline.label} by kind of edit`,
      head: ["kind", "rows", ...arms.map(({ arm }) => arm)],
      rows: tasks.map((task) => {
        const own = arms.map((arm) => arm.tasks.find((other) => other.task === task));
        const rows = Math.max(0, ...own.map((figures) => figures?.rows ?? 0));
        return [
          task,
          String(rows),
          ...own.map((figures) => estimateText(figures?.figures[headline.name], headline.unit)),
        ];
      }),
      notes: [],
    });
  }
  const compared = arms.filter(({ differences }) => differences !== undefined);
  for (const [index, group] of (compared.length === 0 ? [] : [shown, ...others]).entries()) {
    tables.push({
      title: `${benchmark}, ${baseline} minus the others${index === 0 ? "" : ", its own measures"}`,
      head: ["arm", "rows", ...group.map(({ label }) => label)],
      rows: compared.map(({ arm, differences }) => [
        `${baseline} − ${arm}`,
        String(Math.max(0, ...group.map(({ name }) => differences?.[name]?.count ?? 0))),
        ...group.map(({ name, unit }) => estimateText(differences?.[name], unit, true)),
      ]),
      notes: [
        "Differences of the same rows, with 95 % intervals (bootstrap over rows). A * marks those whose interval has no 0.",
      ],
    });
  }
  return tables;
}

function bestHead(arms: readonly ArmResults[]): string[] {
  const best = arms.find(({ bestOfN }) => bestOfN !== undefined)?.bestOfN;
  return best === undefined ? [] : [`best of ${best.n}`];
}

function notesOf({ kind, isWhole, rows, broken, arms, measures }: BenchmarkResults): string[] {
  const notes: string[] = [];
  const judges = new Set(arms.map(({ judge }) => judge ?? "nobody"));
  notes.push(
    judges.has("nobody") && judges.size === 1 ? "No judge was asked." : `Judge: ${[...judges].join(", ")}.`,
  );
  if (!isWhole && kind !== undefined)
    notes.push("Not all rows of the benchmark: these figures compare with no others than those beside them.");
  if (broken > 0) notes.push(`${broken} of ${rows} rows cannot be read, and nobody is measured on them.`);
  const failed = arms.reduce((sum, arm) => sum + (arm.tasks[0]?.failed ?? 0), 0);
  if (failed > 0) notes.push(`${failed} verdicts failed; they are counted, and stand in no mean.`);
  const headline = headlineOf(measures);
  for (const { arm, bySeed } of arms) {
    if (bySeed === undefined || headline === undefined) continue;
    const means = Object.entries(bySeed.means).map(
      ([seed, value]) => `${value.toFixed(digitsOf(headline.unit))} (seed ${seed})`,
    );
    notes.push(
      `${arm}, ${headline.label} by seed: ${means.join(", ")}; standard deviation ${bySeed.deviation.toFixed(3)}.`,
    );
  }
  if (arms.some(({ bestOfN }) => bestOfN !== undefined)) {
    notes.push(
      `Best of n: the highest ${measures.find(({ name }) => name === SCORE)?.label ?? "score"} among a row's samples.`,
    );
  }
  return notes;
}

function digitsOf(unit: string): number {
  return unit === "score" ? 2 : 3;
}

/** "5.21 [4.90, 5.52]"; of differences with their sign, and a star where the interval has no 0. */
export function estimateText(estimate: Estimate | undefined, unit: string, isDifference = false): string {
  if (estimate === undefined) return NOTHING;
  const digits = digitsOf(unit);
  const text = (value: number): string => {
    const fixed = value.toFixed(digits);
    if (Number(fixed) < 0) return fixed.replace("-", "−");
    return `${isDifference ? "+" : ""}${fixed.replace("-", "")}`;
  };
  const { mean, low, high } = estimate;
  if (low === null || high === null) return text(mean);
  const star = isDifference && (low > 0 || high < 0) ? " *" : "";
  return `${text(mean)} [${text(low)}, ${text(high)}]${star}`;
}
