/**
 * How far two people, or a model and a person, put things into the same classes. Pure functions over pairs of class
 * numbers; nothing here knows what the classes mean.
 */

import { ShapeError } from "../errors.ts";
import type { Rng } from "../random.ts";
import { quantile, type Interval } from "./statistics.ts";

/** Class by the label, class by the answer; both from 0. */
export type ClassPair = readonly [label: number, answer: number];

/** Counts, [label][answer]. */
export type Confusion = readonly (readonly number[])[];

/**
 * How often each label met each answer.
 *
 * @example
 * confusionOf([[0, 0], [0, 1]], 2); // => [[1, 1], [0, 0]]
 */
export function confusionOf(pairs: readonly ClassPair[], classes: number): Confusion {
  const counts = Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0));
  for (const [label, answer] of pairs) {
    const row = counts[label];
    if (row?.[answer] === undefined) {
      throw new ShapeError(`The pair ${label}, ${answer} is outside of ${classes} classes.`);
    }
    row[answer] += 1;
  }
  return counts;
}

/**
 * Cohen's κ (1960): (p − e) / (1 − e), where p is the share of pairs that agree and e the share that would if both sides
 * drew from their own frequencies. Undefined where e is 1: both sides know one class alone, and it is the same.
 *
 * @example
 * cohensKappa([[20, 5], [10, 15]]); // => 0.4
 */
export function cohensKappa(confusion: Confusion): number | undefined {
  const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);
  const rows = confusion.map(sum);
  const columns = rows.map((_, answer) => sum(confusion.map((row) => row[answer]!)));
  const count = sum(rows);
  if (count === 0) return undefined;
  // Whole numbers up to the division: pairs² times p and e.
  const agreed = count * sum(confusion.map((row, index) => row[index]!));
  const expected = sum(rows.map((row, index) => row * columns[index]!));
  return expected === count * count ? undefined : (agreed - expected) / (count * count - expected);
}

/**
 * An estimate over items with its 95 % percentile bootstrap interval (Efron 1979): the items are drawn with replacement
 * `draws` times. Draws of which there is no estimate are left out; without two items nothing is known of the spread,
 * and the interval is infinite. Undefined where the items themselves have no estimate.
 */
export function resampled<Item>(
  items: readonly Item[],
  estimate: (items: readonly Item[]) => number | undefined,
  rng: Rng,
  draws = 2000,
): Interval | undefined {
  const mean = estimate(items);
  if (mean === undefined) return undefined;
  if (items.length < 2) return { mean, low: -Infinity, high: Infinity };
  const estimates = Array.from({ length: draws }, () =>
    estimate(Array.from(items, () => rng.pick(items))),
  ).filter((value) => value !== undefined);
  if (estimates.length === 0) return { mean, low: -Infinity, high: Infinity };
  return { mean, low: quantile(estimates, 0.025), high: quantile(estimates, 0.975) };
}
