/**
 * The few statistics that metrics and tables need: means, both standard deviations, quantiles and 95 % intervals.
 * Pure functions over arrays of numbers; nothing here knows what the numbers mean.
 */

import { ShapeError } from "../errors.ts";
import type { Rng } from "../random.ts";

/** `population` divides by n (numpy's default), `sample` by n − 1 (Bessel; torch's default). */
export type StdKind = "population" | "sample";

/** An estimate with the ends of its 95 % interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** 97.5 % point of the standard normal distribution. */
const NORMAL_97_5 = 1.959963984540054;

/** Arithmetic mean. Throws ShapeError for an empty list: a mean of nothing is not 0. */
export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new ShapeError("Cannot take the mean of no values.");
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/**
 * Standard deviation; exactly 0 where all values are equal, whatever rounding the mean had. `sample` of a single
 * value is 0 as well.
 *
 * @example
 * std([1, 3], "population"); // => 1
 */
export function std(values: readonly number[], kind: StdKind): number {
  const centre = mean(values);
  if (values.every((value) => value === values[0])) return 0;
  let squares = 0;
  for (const value of values) squares += (value - centre) ** 2;
  return Math.sqrt(squares / (kind === "sample" ? values.length - 1 : values.length));
}

/**
 * The value below which a share of the values lies, interpolated linearly (numpy's default; Hyndman & Fan 1996,
 * type 7). Throws ShapeError for an empty list or a share outside 0…1.
 *
 * @example
 * quantile([10, 20, 30, 40], 0.5); // => 25
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0 || !(share >= 0 && share <= 1)) {
    throw new ShapeError(`Cannot take quantile ${share} of ${values.length} values.`);
  }
  const sorted = values.toSorted((left, right) => left - right);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}

/**
 * 97.5 % point of Student's t. Exact for 1 and 2 degrees of freedom, else the expansion in 1/degrees of Abramowitz
 * & Stegun (1964), 26.7.5: off by 0.2 % at 3 degrees and by less than 1e-6 from 30 on.
 */
export function studentT975(degrees: number): number {
  if (degrees === 1) return 12.706204736;
  if (degrees === 2) return 4.30265273;
  const z = NORMAL_97_5;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  const fourth = (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160;
  return z + first / degrees + second / degrees ** 2 + third / degrees ** 3 + fourth / degrees ** 4;
}

/**
 * Mean with Student's 95 % interval: mean ± t · s / √n, s the sample standard deviation. One value alone says nothing
 * about its spread: its interval is infinite.
 */
export function meanInterval(values: readonly number[]): Interval {
  const centre = mean(values);
  if (values.length === 1) return { mean: centre, low: -Infinity, high: Infinity };
  const half = (studentT975(values.length - 1) * std(values, "sample")) / Math.sqrt(values.length);
  return { mean: centre, low: centre - half, high: centre + half };
}

/**
 * Mean with its 95 % percentile bootstrap interval (Efron 1979): the values are drawn with replacement `draws`
 * times, and the middle 95 % of those means are kept. Never leaves the range of the values, so it suits bounded scores.
 */
export function bootstrapInterval(values: readonly number[], rng: Rng, draws = 1000): Interval {
  const centre = mean(values);
  const means: number[] = [];
  for (let draw = 0; draw < draws; draw += 1) {
    let sum = 0;
    for (let index = 0; index < values.length; index += 1) sum += values[rng.integer(values.length)]!;
    means.push(sum / values.length);
  }
  return { mean: centre, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

/**
 * A proportion with Wilson's 95 % score interval (Wilson 1927): stays inside 0…1 and is honest near its ends,
 * where the textbook interval has no width. Throws ShapeError where count is 0 or successes exceed it.
 *
 * @example
 * wilsonInterval(0, 10).low; // => 0
 */
export function wilsonInterval(successes: number, count: number): Interval {
  if (count < 1 || successes < 0 || successes > count) {
    throw new ShapeError(`${successes} successes of ${count} is not a proportion.`);
  }
  const share = successes / count;
  const z2 = NORMAL_97_5 ** 2;
  const centre = (share + z2 / (2 * count)) / (1 + z2 / count);
  const half =
    (NORMAL_97_5 / (1 + z2 / count)) * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count * count));
  return {
    mean: share,
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === count ? 1 : Math.min(1, centre + half),
  };
}
