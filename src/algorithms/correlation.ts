/** How far two lists of figures order the same things in the same way. */

import { ShapeError } from "../errors.ts";
import { mean } from "./statistics.ts";

/**
 * Ranks from 1, equal values sharing the mean of theirs.
 *
 * @example
 * ranks([10, 30, 10]); // => [1.5, 3, 1.5]
 */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).toSorted((left, right) => values[left]! - values[right]!);
  const result = Array.from<number>({ length: values.length });
  for (let first = 0; first < order.length;) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]!] === values[order[first]!]) last += 1;
    for (let at = first; at <= last; at += 1) result[order[at]!] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return result;
}

/**
 * Pearson's correlation, −1…1; undefined where one list has no variance, since nothing can be said then. Throws
 * ShapeError for lists of different lengths.
 */
export function pearson(left: readonly number[], right: readonly number[]): number | undefined {
  if (left.length !== right.length) {
    throw new ShapeError(`${left.length} values cannot be correlated with ${right.length}.`);
  }
  if (left.length < 2) return undefined;
  const [leftMean, rightMean] = [mean(left), mean(right)];
  let [product, leftSquares, rightSquares] = [0, 0, 0];
  for (const [index, value] of left.entries()) {
    const one = value - leftMean;
    const other = right[index]! - rightMean;
    product += one * other;
    leftSquares += one * one;
    rightSquares += other * other;
  }
  const scale = Math.sqrt(leftSquares * rightSquares);
  return scale === 0 ? undefined : Math.min(1, Math.max(-1, product / scale));
}

/**
 * Spearman's rank correlation (1904), ties at their mean rank; undefined where one list has no variance.
 *
 * @example
 * spearman([1, 2, 3], [10, 100, 1000]); // => 1
 */
export function spearman(left: readonly number[], right: readonly number[]): number | undefined {
  return pearson(ranks(left), ranks(right));
}
