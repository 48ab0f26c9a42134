/** Which row stands in for one that cannot be read. */

import { Rng } from "../random.ts";

/**
 * The row itself, then every other one in an order that follows from its number and the count alone: a resumed run takes
 * the same. The order jumps, since damage lies together and the row behind a damaged stretch should not come for all of it.
 */
export function* rowsInPlaceOf(index: number, count: number): Generator<number> {
  yield index;
  if (count < 2) return;
  const rng = Rng.from(count, "in place of", index);
  let stride = 1 + rng.integer(count - 1);
  // A stride that shares a divisor with the count would come back before it has met every row.
  while (greatestDivisor(stride, count) !== 1) stride = 1 + rng.integer(count - 1);
  for (let row = (index + stride) % count; row !== index; row = (row + stride) % count) yield row;
}

/** Greatest common divisor (Euclid). */
function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
