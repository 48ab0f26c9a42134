/** From figures of several rounds to medians, spread and ratios. */

import { quantile } from "../../src/algorithms/statistics.ts";
import type { Figures } from "./figures.ts";
import type { Measurement } from "./measurements.ts";

/** Figures of one arm, one list a round. */
export type Rounds = readonly (readonly Figures[])[];

export interface ArmSummary {
  readonly arm: string;
  readonly count: number;
  /** Medians of every figure the arm printed. */
  readonly medians: Figures;
  /** Spread of the compared figure. */
  readonly low: number;
  readonly high: number;
  /** How many times ours is better: the ratio of medians, and the smallest and largest ratio of one round. */
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
}

/** One summary an arm, ours last. Each arm's rounds are compared with the rounds of ours that ran beside them. */
export function compareArms(measurement: Measurement, rounds: ReadonlyMap<string, Rounds>): ArmSummary[] {
  const { figure, better, arms } = measurement;
  const ours = roundsOf(rounds, arms.at(-1)?.name ?? "");
  const ratio = (peer: number, own: number): number => (better === "lower" ? peer / own : own / peer);
  return arms.map(({ name }) => {
    const peer = roundsOf(rounds, name);
    const values = column(peer.flat(), figure);
    const ratios = peer.map((figures, round) =>
      ratio(median(column(figures, figure)), median(column(ours[round] ?? [], figure))),
    );
    return {
      arm: name,
      count: values.length,
      medians: medians(peer.flat()),
      low: quantile(values, 0.1),
      high: quantile(values, 0.9),
      ratio: ratio(median(values), median(column(ours.flat(), figure))),
      ratioLow: Math.min(...ratios),
      ratioHigh: Math.max(...ratios),
    };
  });
}

/** The summaries as lines of text, one an arm; a ratio says how many times better ours is. */
export function comparisonTable(measurement: Measurement, summaries: readonly ArmSummary[]): string {
  const rows = summaries.map((summary) => {
    const value = summary.medians[measurement.figure] ?? Number.NaN;
    const parts = Object.entries(summary.medians)
      .filter(([name]) => name !== measurement.figure)
      .map(([name, part]) => `${name} ${rounded(part)}`);
    const own = summary === summaries.at(-1);
    return [
      summary.arm.padEnd(24),
      rounded(value).padStart(12),
      `  10–90 %: ${rounded(summary.low)} … ${rounded(summary.high)} (n = ${summary.count})`,
      own
        ? ""
        : `  ${summaries.at(-1)?.arm ?? "earl"} is better by a factor of ${summary.ratio.toFixed(2)} (rounds ${summary.ratioLow.toFixed(2)} … ${summary.ratioHigh.toFixed(2)})`,
      parts.length > 0 ? `  ${parts.join(", ")}` : "",
    ].join("");
  });
  return [`${measurement.name}: ${measurement.about}`, ...rows].join("\n");
}

function roundsOf(rounds: ReadonlyMap<string, Rounds>, arm: string): Rounds {
  const found = rounds.get(arm);
  if (found === undefined || found.length === 0) throw new Error(`Nothing was measured for "${arm}".`);
  return found;
}

function column(figures: readonly Figures[], name: string): number[] {
  return figures.map((row) => {
    const value = row[name];
    if (value === undefined) throw new Error(`A line lacks "${name}": ${JSON.stringify(row)}.`);
    return value;
  });
}

function medians(figures: readonly Figures[]): Figures {
  const names = Object.keys(figures[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, median(column(figures, name))]));
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function rounded(value: number): string {
  return value >= 1000 || Number.isInteger(value)
    ? Math.round(value).toLocaleString("en-US")
    : value.toFixed(3);
}
