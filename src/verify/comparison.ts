/**
 * One quantity of ours beside the recorded one: how far apart they are, and whether that is within what is allowed.
 * A number that is not finite where the recorded one is counts as infinitely far.
 */

export type Tolerance =
  | { readonly kind: "equal" }
  | { readonly kind: "absolute" | "relative"; readonly limit: number };

export interface Comparison {
  /** What was recorded: "logits", "sft gradients". */
  readonly quantity: string;
  /** Which piece of it, where it comes in several: a tensor's name, a row. */
  readonly part: string | undefined;
  /** How many numbers, ids or characters were compared. */
  readonly count: number;
  /** Undefined for ids and texts, whose distance says nothing. */
  readonly largestAbsolute: number | undefined;
  readonly largestRelative: number | undefined;
  readonly tolerance: Tolerance;
  readonly isWithin: boolean;
  /** Where the first unequal id or the furthest number stands; undefined where all are equal. */
  readonly unequal: string | undefined;
}

/** Ours and the recorded one. */
export interface Pair<Values> {
  readonly got: Values;
  readonly want: Values;
}

export interface NumberOptions {
  readonly tolerance: Exclude<Tolerance, { kind: "equal" }>;
  readonly part?: string;
  /**
   * Numbers that share a scale: a relative difference is one divided by the largest recorded magnitude of its row.
   * 1 takes each number for itself; the whole tensor unless given.
   */
  readonly row?: number;
  /** Least scale, for numbers that may come near 0; 0 unless given. */
  readonly floor?: number;
}

/** Compares numbers one by one. Another count of them is infinitely far. */
export function compareNumbers(
  quantity: string,
  { got, want }: Pair<ArrayLike<number>>,
  { tolerance, part, row = want.length, floor = 0 }: NumberOptions,
): Comparison {
  const base = { quantity, part, count: want.length, tolerance };
  if (got.length !== want.length) {
    const unequal = `${got.length} values, recorded ${want.length}`;
    return { ...base, largestAbsolute: Infinity, largestRelative: Infinity, isWithin: false, unequal };
  }
  let largestAbsolute = 0;
  let largestRelative = 0;
  let furthest = -1;
  for (let start = 0; start < want.length; start += row) {
    const end = Math.min(start + row, want.length);
    const scale = Math.max(floor, largestMagnitude(want, start, end));
    for (let index = start; index < end; index += 1) {
      const distance = distanceOf(got[index] as number, want[index] as number);
      if (distance > largestAbsolute) [largestAbsolute, furthest] = [distance, index];
      if (distance > 0) largestRelative = Math.max(largestRelative, distance / scale);
    }
  }
  const reached = tolerance.kind === "absolute" ? largestAbsolute : largestRelative;
  return {
    ...base,
    largestAbsolute,
    largestRelative,
    isWithin: reached <= tolerance.limit,
    unequal: furthest < 0 ? undefined : `at ${furthest}: ${got[furthest]}, recorded ${want[furthest]}`,
  };
}

function largestMagnitude(values: ArrayLike<number>, start: number, end: number): number {
  let largest = 0;
  for (let index = start; index < end; index += 1) {
    const magnitude = Math.abs(values[index] as number);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function distanceOf(got: number, want: number): number {
  if (Object.is(got, want)) return 0;
  const distance = Math.abs(got - want);
  return Number.isNaN(distance) ? Infinity : distance;
}

/** Compares ids, or the characters of two texts: all must be equal. */
export function compareEqual(
  quantity: string,
  { got, want }: Pair<ArrayLike<number> | string>,
  part?: string,
): Comparison {
  const [ours, theirs] = [Array.from<number | string>(got), Array.from<number | string>(want)];
  const longest = Math.max(ours.length, theirs.length);
  let first = 0;
  while (first < longest && ours[first] === theirs[first]) first += 1;
  const shown = (value: number | string | undefined): string =>
    value === undefined ? "the end" : JSON.stringify(value);
  return {
    quantity,
    part,
    count: theirs.length,
    largestAbsolute: undefined,
    largestRelative: undefined,
    tolerance: { kind: "equal" },
    isWithin: first === longest,
    unequal:
      first === longest ? undefined : `at ${first}: ${shown(ours[first])}, recorded ${shown(theirs[first])}`,
  };
}
