/** Which rows of its sources a mixture gives, and in which order: numbers that follow from sizes, seed and names alone. */

import { Rng } from "../../random.ts";

export interface TakenSource {
  readonly name: string;
  readonly rows: number;
  /** Rows that the mixture has of it; more than `rows` where it is repeated. */
  readonly taken: number;
}

/** A mixture counts the rows of its sources through: those of the first one, then those of the second. */
export function firstNumbers(sources: readonly Pick<TakenSource, "rows">[]): number[] {
  let next = 0;
  return sources.map(({ rows }) => {
    const first = next;
    next += rows;
    return first;
  });
}

/** Every source whole as often as it fits, and a drawn part of it for the rest; all shuffled. */
export function mixedOrder(sources: readonly TakenSource[], seed: number): Uint32Array {
  const order = new Uint32Array(sources.reduce((sum, { taken }) => sum + taken, 0));
  const first = firstNumbers(sources);
  let at = 0;
  for (const [index, { name, rows, taken }] of sources.entries()) {
    const start = first[index]!;
    for (let copy = 0; copy < Math.floor(taken / rows); copy += 1) {
      for (let row = 0; row < rows; row += 1) order[at++] = start + row;
    }
    const rest = taken % rows;
    if (rest === 0) continue;
    const drawn = Uint32Array.from({ length: rows }, (_, row) => start + row);
    shuffle(drawn, Rng.from(seed, "mixture", "drawn", name), rest);
    order.set(drawn.subarray(0, rest), at);
    at += rest;
  }
  shuffle(order, Rng.from(seed, "mixture", "order"));
  return order;
}

/** Each row once, the sources in turns until they have no more: whoever looks at the first rows sees all of them. */
export function inTurns(sources: readonly Pick<TakenSource, "rows">[]): Uint32Array {
  const order = new Uint32Array(sources.reduce((sum, { rows }) => sum + rows, 0));
  const first = firstNumbers(sources);
  let at = 0;
  for (let row = 0; at < order.length; row += 1) {
    for (const [index, { rows }] of sources.entries()) {
      if (row < rows) order[at++] = first[index]! + row;
    }
  }
  return order;
}

/** Fisher–Yates in place, as far as the first `most` are drawn. */
function shuffle(numbers: Uint32Array, rng: Rng, most = numbers.length): void {
  for (let at = 0; at < Math.min(most, numbers.length - 1); at += 1) {
    const other = at + rng.integer(numbers.length - at);
    [numbers[at], numbers[other]] = [numbers[other]!, numbers[at]!];
  }
}
