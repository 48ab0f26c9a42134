/** How many rows a mixture takes of each source. */

import { DataError } from "../../errors.ts";

export interface WeightedSource {
  readonly name: string;
  readonly rows: number;
  readonly weight: number;
}

/** What weights mean, and what is repeated besides. */
export interface MixtureRule {
  readonly weights: "copies" | "shares";
  /** Under "copies": sources with fewer rows, after their weight, are repeated up to these. */
  readonly upsampleTo?: number | "largest" | undefined;
  /** Under "shares": rows of the whole mixture. Unless given, no row of any source is left out. */
  readonly rows?: number | undefined;
}

/** Keeps 0.7 × 10 at 7 where the product is 6.999…; far below one row. */
const ROUNDING = 1e-6;

/**
 * Rows of each source, in their order. "copies" are EARL's coefficients: 6 is six times each row, 3.7 three times and a
 * drawn 70 %, 0.13 a drawn 13 % (`int(len × fraction)`). Throws DataError where a source would give no row.
 *
 * @example
 * const sources = [{ name: "a", rows: 10, weight: 3.7 }, { name: "b", rows: 100, weight: 0.13 }];
 * takenRows(sources, { weights: "copies" }); // => [37, 13]
 */
export function takenRows(sources: readonly WeightedSource[], rule: MixtureRule): number[] {
  const taken = rule.weights === "copies" ? byCopies(sources, rule) : byShares(sources, rule);
  for (const [index, { name, rows, weight }] of sources.entries()) {
    if (rows > 0 && taken[index]! > 0) continue;
    throw new DataError(
      rows === 0
        ? `The source ${name} has no rows to take.`
        : `The mixture takes none of the ${rows} rows of ${name} (weight ${weight}).`,
      { hint: rows === 0 ? "Leave it out, or hold out less of it." : "Raise its weight, or leave it out." },
    );
  }
  return taken;
}

function byCopies(sources: readonly WeightedSource[], { upsampleTo }: MixtureRule): number[] {
  const taken = sources.map(({ rows, weight }) => {
    const whole = Math.floor(weight);
    return whole * rows + Math.floor(rows * (weight - whole) + ROUNDING);
  });
  const least = upsampleTo === "largest" ? Math.max(...taken) : (upsampleTo ?? 0);
  return taken.map((rows) => Math.max(rows, least));
}

/** Largest remainders: the parts sum up to the whole. */
function byShares(sources: readonly WeightedSource[], { rows: asked }: MixtureRule): number[] {
  const sum = sources.reduce((total, { weight }) => total + weight, 0);
  const shares = sources.map(({ weight }) => weight / sum);
  const whole =
    asked ?? Math.ceil(Math.max(...sources.map(({ rows }, index) => rows / shares[index]!)) - ROUNDING);
  const exact = shares.map((share) => share * whole);
  const taken = exact.map((rows) => Math.floor(rows + ROUNDING));
  const remainder = (index: number): number => exact[index]! - taken[index]!;
  const order = [...taken.keys()].toSorted((left, right) => remainder(right) - remainder(left));
  const missing = whole - taken.reduce((total, rows) => total + rows, 0);
  for (const index of order.slice(0, missing)) taken[index]! += 1;
  return taken;
}
