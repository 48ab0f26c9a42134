/**
 * A start in which alike codes have alike embeddings: what is learned of one picture token then says something about its
 * neighbours from the first step, instead of being found out code by code.
 */

import { Rng } from "../random.ts";
import { EMBEDDING, HEAD } from "./parameters.ts";

export interface CodeStart {
  /** What a code looks like, in any unit: [codes][d]. */
  readonly looks: readonly ArrayLike<number>[];
  /** Id of the first code. */
  readonly first: number;
  readonly hiddenSize: number;
  /** 0…1: of a row's length, as the cosine to the projection of its code's looks. */
  readonly share: number;
  readonly seed: number;
}

/**
 * Turns the codes' rows of the embedding, and of the head where there is one, towards a random projection of their
 * looks: row ← √(1 − share²) · row + share · projection. The projection has the rows' mean square, so norms stay.
 */
export function startFromLooks(parameters: ReadonlyMap<string, Float32Array>, start: CodeStart): void {
  const { looks, first, hiddenSize, share, seed } = start;
  const centred = aroundMean(looks);
  for (const name of [EMBEDDING, HEAD]) {
    const rows = parameters.get(name)?.subarray(first * hiddenSize, (first + looks.length) * hiddenSize);
    if (rows === undefined) continue;
    const projected = projection(centred, hiddenSize, Rng.from(seed, "looks", name));
    const power = meanSquare(projected);
    // Codes that all look alike say nothing.
    if (power === 0) return;
    const [kept, added] = [Math.sqrt(1 - share ** 2), share * Math.sqrt(meanSquare(rows) / power)];
    for (let at = 0; at < rows.length; at += 1)
      rows[at] = kept * (rows[at] as number) + added * (projected[at] as number);
  }
}

/** Looks less their mean, so that what all codes have in common does not drown what tells them apart. */
function aroundMean(looks: readonly ArrayLike<number>[]): Float64Array[] {
  const length = looks[0]?.length ?? 0;
  const mean = new Float64Array(length);
  for (const look of looks)
    for (let at = 0; at < length; at += 1) mean[at]! += (look[at] as number) / looks.length;
  return looks.map((look) => Float64Array.from(mean, (middle, at) => (look[at] as number) - middle));
}

/** [codes, hiddenSize], looks times normal numbers. */
function projection(looks: readonly Float64Array[], hiddenSize: number, rng: Rng): Float64Array {
  const length = looks[0]?.length ?? 0;
  const matrix = Float64Array.from({ length: length * hiddenSize }, () => rng.normal());
  const result = new Float64Array(looks.length * hiddenSize);
  for (const [code, look] of looks.entries()) {
    const row = result.subarray(code * hiddenSize, (code + 1) * hiddenSize);
    for (const [at, value] of look.entries()) {
      if (value === 0) continue;
      for (let unit = 0; unit < hiddenSize; unit += 1)
        row[unit]! += value * (matrix[at * hiddenSize + unit] as number);
    }
  }
  return result;
}

function meanSquare(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum / values.length;
}
