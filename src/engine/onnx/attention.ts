/**
 * Attention over groups that share a prompt. The prompt's keys and values are computed once a group; completions
 * attend to [prompt, own]. Grouped-query heads are laid out beside each other, so one product serves all rows
 * that read the same keys.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import { add } from "../../tensor/ops/elementwise.ts";
import { constant } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { softmax } from "../../tensor/ops/normalize.ts";
import { concat, reshape, slice, transpose } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";

/** Added to scores that must not count; far below any score, yet finite, so that no row becomes NaN. */
export const MASKED = -1e9;

/** Sizes of a batch of groups. */
export interface GroupShape {
  /** P. */
  readonly prompts: number;
  /** G completions a prompt. */
  readonly groupSize: number;
  /** S tokens of shared prefix; may be 0. */
  readonly prefix: number;
  /** T tokens of completion. */
  readonly completion: number;
}

/** Heads as attention sees them. */
interface Heads {
  readonly keyValueHeads: number;
  /** Attention heads that share a key-value head. */
  readonly sharing: number;
  readonly size: number;
}

export function headsOf(config: PolicyConfig): Heads {
  return {
    keyValueHeads: config.keyValueHeads,
    sharing: config.heads / config.keyValueHeads,
    size: config.headSize,
  };
}

/** 0 where a token may look, MASKED where it lies ahead: [sharing · length, length]. */
function causalMask(length: number, sharing: number): Value {
  const mask = new Float32Array(sharing * length * length);
  for (let row = 0; row < sharing * length; row += 1) {
    mask.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length);
  }
  return constant(mask, [sharing * length, length]);
}

/** Keys or values of the prefix, [P·S, heads·size] to [P·heads, S, size]. */
export function prefixRows(tokens: Value, prompts: number, prefix: number, heads: Heads): Value {
  const split = reshape(tokens, [prompts, prefix, heads.keyValueHeads, heads.size]);
  return reshape(transpose(split, [0, 2, 1, 3]), [prompts * heads.keyValueHeads, prefix, heads.size]);
}

/** Causal attention within the prefix: queries [P·S, …] over keys and values [P·heads, S, size]. */
export function prefixAttention(
  { queries, keys, values }: AttentionTokens,
  shape: GroupShape,
  heads: Heads,
): Value {
  const { prompts: P, prefix: S } = shape;
  const { keyValueHeads: K, sharing: g, size } = heads;
  const rows = reshape(transpose(reshape(queries, [P, S, K, g, size]), [0, 2, 3, 1, 4]), [
    P * K,
    g * S,
    size,
  ]);
  const scores = matmul(rows, keys, { transposeRight: true, scale: 1 / Math.sqrt(size) });
  const mixed = matmul(softmax(add(scores, causalMask(S, g))), values);
  return reshape(transpose(reshape(mixed, [P, K, g, S, size]), [0, 3, 1, 2, 4]), [P * S, K * g * size]);
}

/** Queries, keys and values, in the layout that each function says. */
export interface AttentionTokens {
  readonly queries: Value;
  readonly keys: Value;
  readonly values: Value;
}

export interface Prefix {
  /** [P·heads, S, size]. */
  readonly keys: Value;
  readonly values: Value;
  /** 0 or MASKED, [P, 1, 1, S]. */
  readonly mask: Value;
}

/** Completions [P·G·T, heads·size] attend to their prompt and to their own past. */
export function completionAttention(
  own: AttentionTokens,
  prefix: Prefix | undefined,
  shape: GroupShape,
  heads: Heads,
): Value {
  const { prompts: P, groupSize: G, completion: T, prefix: S } = shape;
  const { keyValueHeads: K, sharing: g, size } = heads;
  const scale = 1 / Math.sqrt(size);
  const asRows = (tokens: Value): Value =>
    reshape(transpose(reshape(tokens, [P, G, T, K, size]), [0, 3, 1, 2, 4]), [P * K * G, T, size]);

  const queries = transpose(reshape(own.queries, [P, G, T, K, g, size]), [0, 3, 1, 4, 2, 5]);
  const ownScores = matmul(reshape(queries, [P * K * G, g * T, size]), asRows(own.keys), {
    transposeRight: true,
    scale,
  });
  const masked = add(ownScores, causalMask(T, g));
  const ownValues = asRows(own.values);

  const mixed = ((): Value => {
    if (prefix === undefined) return matmul(softmax(masked), ownValues);
    const toPrefix = matmul(reshape(queries, [P * K, G * g * T, size]), prefix.keys, {
      transposeRight: true,
      scale,
    });
    const seen = add(reshape(toPrefix, [P, K, G * g * T, S]), prefix.mask);
    const weights = softmax(concat([seen, reshape(masked, [P, K, G * g * T, T])], -1));
    const fromPrefix = matmul(reshape(slice(weights, -1, 0, S), [P * K, G * g * T, S]), prefix.values);
    const fromOwn = matmul(reshape(slice(weights, -1, S, S + T), [P * K * G, g * T, T]), ownValues);
    return add(reshape(fromPrefix, [P * K * G, g * T, size]), fromOwn);
  })();
  return reshape(transpose(reshape(mixed, [P, K, G, g, T, size]), [0, 2, 4, 1, 3, 5]), [
    P * G * T,
    K * g * size,
  ]);
}
