/** How varied what a policy writes is: a policy that found a trick writes the same thing again and again. */

/**
 * Shannon entropy of how often each value occurs, in nats: 0 where all are equal, ln n where n values are equally often.
 *
 * @example
 * entropyOf([1, 1, 1]); // => 0
 */
export function entropyOf(values: Iterable<number>): number {
  const counts = new Map<number, number>();
  let total = 0;
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
    total += 1;
  }
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / total) * Math.log(count / total);
  // −0 where there is one value.
  return Math.max(0, entropy);
}

/**
 * Share of the sequences that equal an earlier one, 0…1; 0 for none.
 *
 * @example
 * repeatedShare([[1, 2], [3], [1, 2], [1, 2]]); // => 0.5
 */
export function repeatedShare(sequences: readonly (readonly number[] | Int32Array)[]): number {
  if (sequences.length === 0) return 0;
  const distinct = new Set(sequences.map((sequence) => sequence.join(" ")));
  return 1 - distinct.size / sequences.length;
}
