/**
 * The output head over segments of the vocabulary. A token's logits are computed for the ids that may stand at its
 * place and for no others, so an image token costs a product with the codebook's rows alone.
 */

import type { Segment } from "../../tokens/grammar.ts";
import { add, exp, multiply, negate } from "../../tensor/ops/elementwise.ts";
import { gather, tokenLogprobs } from "../../tensor/ops/gather.ts";
import { constant, input } from "../../tensor/ops/leaves.ts";
import { linear } from "../../tensor/ops/matmul.ts";
import { sum } from "../../tensor/ops/broadcast.ts";
import { concat, slice } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";
import { MASKED } from "./attention.ts";

/** Logits of a segment's ids, divided by the temperature: [N, D] rows to [N, end − start]. */
export function segmentLogits(
  rows: Value,
  weights: Value,
  segment: Segment,
  inverseTemperature: Value,
): Value {
  const logits = multiply(linear(rows, weights), inverseTemperature);
  if (segment.banned.length === 0) return logits;
  const bias = new Float32Array(segment.end - segment.start);
  for (const id of segment.banned) bias[id - segment.start] = MASKED;
  return add(logits, constant(bias, [1, bias.length]));
}

/** How many free tokens of each segment a batch has room for, in the order of the segments. */
export type SegmentCounts = readonly number[];

export interface FreeTokens {
  /** Log-probabilities of the targets, [N] with the segments' tokens one after the other. */
  readonly logprobs: Value;
  /** −Σ p log p of each, [N]. */
  readonly entropies: Value;
}

/**
 * Log-probabilities and entropies of the free tokens. Inputs `rows.k` (which hidden row predicts the token) and
 * `targets.k` (its id less the segment's start), int64, for each segment k that has any.
 */
export function freeTokens(
  { hidden, head }: { readonly hidden: Value; readonly head: Value },
  segments: readonly Segment[],
  counts: SegmentCounts,
  inverseTemperature: Value,
): FreeTokens {
  const parts = segments.flatMap((segment, index) => {
    const count = counts[index] ?? 0;
    if (count === 0) return [];
    const rows = gather(hidden, input(`rows.${index}`, [count], "int64"));
    const logits = segmentLogits(
      rows,
      slice(head, 0, segment.start, segment.end),
      segment,
      inverseTemperature,
    );
    const { chosen, all } = tokenLogprobs(logits, input(`targets.${index}`, [count], "int64"));
    return [{ logprobs: chosen, entropies: negate(sum(multiply(exp(all), all), [-1])) }];
  });
  return {
    logprobs: concat(
      parts.map(({ logprobs }) => logprobs),
      0,
    ),
    entropies: concat(
      parts.map(({ entropies }) => entropies),
      0,
    ),
  };
}
