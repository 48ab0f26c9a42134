/**
 * How much a judge's scores would differ if it were asked again, and what that costs a group of completions.
 *
 * Scores are s + e: the edit's own s with variance τ², and the judge's noise e with variance σ² (a one-way layout; Fisher
 * 1925). The reliability ρ = τ² / (τ² + σ²) is the share of a score's variance that is about the edit. A group's
 * advantages are scores less their mean, so noise dilutes the policy's gradient as if the group had only G · ρ members.
 */

import { mean } from "../algorithms/statistics.ts";
import { ShapeError } from "../errors.ts";

/** 90 % point of the standard normal distribution. */
const NORMAL_90 = 1.2815515655446004;

export interface Noise {
  /** Edits with at least two scores. */
  readonly edits: number;
  readonly answers: number;
  /** Standard deviation σ of answers about one edit. */
  readonly within: number;
  /** Standard deviation τ of the edits' own scores. */
  readonly between: number;
  /** Share of edits whose answers were all equal. */
  readonly unanimous: number;
}

/**
 * From the scores of each edit, at least two for some. τ² is what the variance of the edits' means leaves when the noise
 * in them is taken off; 0 where it leaves nothing. Throws ShapeError where no edit has two scores.
 */
export function noiseOf(scores: readonly (readonly number[])[]): Noise {
  const repeated = scores.filter((answers) => answers.length > 1);
  if (repeated.length === 0)
    throw new ShapeError("Noise is a matter of at least two answers to one question.");
  const answers = repeated.reduce((sum, { length }) => sum + length, 0);
  const means = repeated.map((list) => mean(list));
  const squares = repeated.reduce(
    (sum, list, index) => sum + list.reduce((so, score) => so + (score - means[index]!) ** 2, 0),
    0,
  );
  const withinVariance = squares / (answers - repeated.length);
  const centre = mean(means);
  const ofMeans =
    means.length < 2 ? 0 : means.reduce((sum, one) => sum + (one - centre) ** 2, 0) / (means.length - 1);
  const inMeans = mean(repeated.map(({ length }) => withinVariance / length));
  return {
    edits: repeated.length,
    answers,
    within: Math.sqrt(withinVariance),
    between: Math.sqrt(Math.max(0, ofMeans - inMeans)),
    unanimous: repeated.filter((list) => list.every((score) => score === list[0])).length / repeated.length,
  };
}

/** Share of a score's variance that is about the edit when `repeats` answers are averaged, 0…1; 1 without noise. */
export function reliability({ within, between }: Noise, repeats: number): number {
  const noise = within ** 2 / repeats;
  return noise === 0 ? 1 : between ** 2 / (between ** 2 + noise);
}

/** Difference of two edits' scores from which the judge puts them in the right order nine times of ten. */
export function resolution({ within }: Noise, repeats: number): number {
  return NORMAL_90 * Math.SQRT2 * (within / Math.sqrt(repeats));
}
