/**
 * How the tokens of a batch are averaged into one loss. Every published loss is a weighted sum Σ w·loss over tokens, so
 * the whole difference between them lies in the weights computed here. They carry the normalisation of the whole
 * batch, which is why an engine may split it into microbatches and just add. Forced tokens weigh 0.
 */

import { ShapeError } from "../errors.ts";

/**
 * - `completion-mean`: the mean over completions of each one's token mean (GRPO, Shao et al. 2024, eq. 3; also GSPO,
 *   Zheng et al. 2025, eq. 5, whose completions share one ratio).
 * - `fixed-length`: divided by completions × the longest length allowed (Dr. GRPO, Liu et al. 2025, appendix on the
 *   masked mean), so that a long completion is not diluted.
 * - `token-mean`: the mean over every counted token of the batch (DAPO, Yu et al. 2025, eq. 8; CISPO, MiniMax 2025, eq. 4).
 */
export type Aggregation = "completion-mean" | "fixed-length" | "token-mean";

/**
 * Weight of each token. `counted` holds one mask a completion, 1 where a token was free to be chosen, and lists every
 * completion that was scored, also those whose advantage is zero: leaving one out would change the others' weights.
 * Returns arrays of the masks' lengths. Throws ShapeError where `maxTokens` is shorter than a completion.
 *
 * @example
 * tokenWeights([Uint8Array.of(1, 0, 1)], "token-mean", 8); // => [Float32Array.of(0.5, 0, 0.5)]
 */
export function tokenWeights(
  counted: readonly Uint8Array[],
  aggregation: Aggregation,
  maxTokens: number,
): Float32Array[] {
  const longest = counted.reduce((length, mask) => Math.max(length, mask.length), 0);
  if (longest > maxTokens) {
    throw new ShapeError(`A completion has ${longest} tokens, more than maxTokens = ${maxTokens}.`);
  }
  const counts = counted.map((mask) => mask.reduce((sum, one) => sum + one, 0));
  const all = counts.reduce((sum, count) => sum + count, 0);
  return counted.map((mask, index) => {
    const weight = weightOf(aggregation, {
      completions: counted.length,
      own: counts[index]!,
      all,
      maxTokens,
    });
    return Float32Array.from(mask, (one) => (one === 1 ? weight : 0));
  });
}

interface TokenCounts {
  readonly completions: number;
  /** Counted tokens of the completion. */
  readonly own: number;
  /** Counted tokens of the batch. */
  readonly all: number;
  readonly maxTokens: number;
}

function weightOf(aggregation: Aggregation, counts: TokenCounts): number {
  switch (aggregation) {
    case "completion-mean":
      return 1 / (counts.completions * counts.own);
    case "fixed-length":
      return 1 / (counts.completions * counts.maxTokens);
    case "token-mean":
      return 1 / counts.all;
    default:
      return aggregation satisfies never;
  }
}
