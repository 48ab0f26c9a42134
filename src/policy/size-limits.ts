/**
 * The largest numbers of a policy that are taken: several times what any published model has, and small enough that
 * nothing is laid out for a slip of the keyboard or a damaged file. What a machine can hold is another matter
 * (required-memory.ts).
 */

export const MOST = {
  vocabularySize: 2 ** 24,
  hiddenSize: 2 ** 17,
  intermediateSize: 2 ** 20,
  layers: 1000,
  heads: 4096,
  headSize: 2 ** 14,
  /** Pixels of a picture. */
  imageArea: 8192 ** 2,
  maxPositions: 2 ** 31 - 1,
  /** Tokens of one sequence; attention looks at as many squared. */
  sequence: 2 ** 20,
  ropeTheta: 1e12,
  /** Standard deviation of fresh weights. */
  weightStd: 1000,
  /** Of an adapter. Beyond the width of its matrix it only wastes memory. */
  rank: 2 ** 14,
  alpha: 2 ** 20,
  /** How much an adapter counts: alpha / rank, or alpha / √rank. Published ones have 0.5 to 30. */
  adapterScale: 1000,
} as const;

/** Pixels of a picture's side. */
export const MOST_SIDE = 8192;

/** Below, a mean square of 0 is divided by a number that float32 takes for 0. */
export const LEAST_NORM_EPSILON = 1e-20;
