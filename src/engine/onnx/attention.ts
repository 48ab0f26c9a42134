/**
 * Attention over groups that share a prompt. The prompt's keys and values are computed once a group; completions
 * attend to [prompt, own]. Grouped-query heads are laid out beside each other, so one product serves all rows
 * that read the same keys.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import { withGradient } from "../../tensor/custom-gradient.ts";
import { add, multiply, subtract } from "../../tensor/ops/elementwise.ts";
import { constant } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { softmax } from "../../tensor/ops/normalize.ts";
import { sum } from "../../tensor/ops/broadcast.ts";
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

/** Prompts whose attention is computed before that of the next. */
export interface PromptBlock {
  readonly start: number;
  readonly prompts: number;
}

/** What the attention of every layer has in common; masks are large, so a graph has each once. */
export interface AttentionPlan {
  readonly shape: GroupShape;
  readonly heads: Heads;
  readonly blocks: readonly PromptBlock[];
  readonly prefixBlocks: readonly PrefixBlock[];
  /** Causal mask within a completion, [T, T]. */
  readonly completionMask: Value;
}

/** Queries of a prefix that attend together. */
interface PrefixBlock {
  readonly start: number;
  readonly end: number;
  /** How many keys they see, those that lie ahead included. */
  readonly reach: number;
  /** [end − start, reach] */
  readonly mask: Value;
}

/**
 * Queries of a prefix that attend together. The scores of a picture of 720 × 720 pixels, 8,100 codes, would be 8 GB in
 * Emu3 if all did; in blocks they are a quarter of one.
 */
const PREFIX_BLOCK = 256;
/** Blocks see a quarter of the keys, two, three or all: onnxruntime sets memory aside for every size that comes again. */
const REACHES = 4;

export function attentionPlan(
  config: PolicyConfig,
  shape: GroupShape,
  block: number = PREFIX_BLOCK,
): AttentionPlan {
  return {
    shape,
    heads: headsOf(config),
    blocks: promptBlocks(config, shape),
    prefixBlocks: prefixBlocks(shape.prefix, block),
    completionMask: causalBand(shape.completion, shape.completion),
  };
}

/** Bytes of the scores of a block: what is made of them should still lie in the processor's cache when it is read. */
const BLOCK_BYTES = 8 * 2 ** 20;

function promptBlocks(config: PolicyConfig, shape: GroupShape): PromptBlock[] {
  const { prompts: P, groupSize, prefix, completion } = shape;
  const bytes = 4 * P * config.heads * groupSize * completion * (prefix + completion);
  const count = Math.min(P, Math.max(1, Math.ceil(bytes / BLOCK_BYTES)));
  const starts = Array.from({ length: count + 1 }, (_, index) => Math.round((index * P) / count));
  return starts
    .slice(0, -1)
    .map((start, index) => ({ start, prompts: (starts[index + 1] as number) - start }));
}

/** The masks are windows on one band, [rows, 2·S]. */
function prefixBlocks(prefix: number, block: number): PrefixBlock[] {
  const band = causalBand(Math.min(block, prefix), 2 * prefix, prefix);
  const stride = Math.ceil(prefix / REACHES);
  const starts = Array.from({ length: Math.ceil(prefix / block) }, (_, index) => index * block);
  return starts.map((start) => {
    const end = Math.min(prefix, start + block);
    const reach = Math.min(prefix, Math.ceil(end / stride) * stride);
    const mask = slice(slice(band, 0, 0, end - start), 1, prefix - start, prefix - start + reach);
    return { start, end, reach, mask };
  });
}

/** [rows, width]: row i is 0 up to column `before` + i, where a token may look, and MASKED ahead of that. */
function causalBand(rows: number, width: number, before = 0): Value {
  const mask = new Float32Array(rows * width);
  for (let row = 0; row < rows; row += 1) {
    mask.fill(MASKED, row * width + before + row + 1, (row + 1) * width);
  }
  return constant(mask, [rows, width]);
}

/** Keys or values of the prefix, [P·S, heads·size] to [P·heads, S, size]. */
export function prefixRows(tokens: Value, prompts: number, prefix: number, heads: Heads): Value {
  const split = reshape(tokens, [prompts, prefix, heads.keyValueHeads, heads.size]);
  return reshape(transpose(split, [0, 2, 1, 3]), [prompts * heads.keyValueHeads, prefix, heads.size]);
}

/** Causal attention within the prefix: queries [P·S, …] over keys and values [P·heads, S, size]. */
export function prefixAttention(
  { queries, keys, values }: AttentionTokens,
  { shape, heads, prefixBlocks: blocks }: AttentionPlan,
): Value {
  const { prompts: P, prefix: S } = shape;
  const { keyValueHeads: K, sharing: g, size } = heads;
  const byHead = transpose(reshape(queries, [P, S, K, g, size]), [0, 2, 3, 1, 4]);
  const mixed = blocks.map(({ start, end, reach, mask }) => {
    const own = {
      queries: reshape(slice(byHead, 3, start, end), [P * K, g * (end - start), size]),
      keys: slice(keys, 1, 0, reach),
      values: slice(values, 1, 0, reach),
    };
    const result = attend(own, undefined, mask, { rows: P * K, scale: 1 / Math.sqrt(size) });
    return reshape(result, [P, K, g, end - start, size]);
  });
  return reshape(transpose(concat(mixed, 3), [0, 3, 1, 2, 4]), [P * S, K * g * size]);
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
  { shape, heads, completionMask }: AttentionPlan,
): Value {
  const { prompts: P, groupSize: G, completion: T } = shape;
  const { keyValueHeads: K, sharing: g, size } = heads;
  const asRows = (tokens: Value): Value =>
    reshape(transpose(reshape(tokens, [P, G, T, K, size]), [0, 3, 1, 2, 4]), [P * K * G, T, size]);
  const queries = transpose(reshape(own.queries, [P, G, T, K, g, size]), [0, 3, 1, 4, 2, 5]);
  const mixed = attend(
    {
      queries: reshape(queries, [P * K * G, g * T, size]),
      keys: asRows(own.keys),
      values: asRows(own.values),
    },
    prefix,
    completionMask,
    { rows: P * K, scale: 1 / Math.sqrt(size) },
  );
  const ordered = transpose(reshape(mixed, [P, K, G, g, T, size]), [0, 2, 4, 1, 3, 5]);
  return reshape(ordered, [P * G * T, K * g * size]);
}

/**
 * softmax(scale · q·[prefix keys, own keys]ᵀ + masks) · [prefix values, own values]. Own rows come in N·M groups of
 * Q queries over T keys; the mask [L, T] is for L queries of a head beside each other. Each of the N prefixes is read by
 * the M groups beside each other, [N·M, Q, size].
 */
function attend(
  own: AttentionTokens,
  prefix: Prefix | undefined,
  ownMask: Value,
  { rows: N, scale }: { readonly rows: number; readonly scale: number },
): Value {
  const [groups, Q, size] = own.queries.shape as [number, number, number];
  const T = own.keys.shape[1] as number;
  const S = prefix?.keys.shape[1] ?? 0;
  const perPrefix = (groups / N) * Q;
  const beside = (rows: Value, width: number): Value => reshape(rows, [N, perPrefix, width]);
  const apart = (rows: Value, width: number): Value => reshape(rows, [groups, Q, width]);

  const unmasked = matmul(own.queries, own.keys, { transposeRight: true, scale });
  const L = ownMask.shape[0] as number;
  const toOwn = add(reshape(unmasked, [groups, Q / L, L, T]), ownMask);
  const scores = ((): Value => {
    if (prefix === undefined) return beside(toOwn, T);
    const toPrefix = matmul(beside(own.queries, size), prefix.keys, { transposeRight: true, scale });
    const prompts = prefix.mask.shape[0] as number;
    const masked = add(reshape(toPrefix, [prompts, N / prompts, perPrefix, S]), prefix.mask);
    return concat([beside(masked, S), beside(toOwn, T)], -1);
  })();
  const weights = softmax(scores);
  const ofPrefix = (all: Value): Value => slice(all, -1, 0, S);
  const ofOwn = (all: Value): Value => apart(slice(all, -1, S, S + T), T);
  const fromOwn = matmul(ofOwn(weights), own.values);
  const result =
    prefix === undefined ? fromOwn : add(apart(matmul(ofPrefix(weights), prefix.values), size), fromOwn);

  // By hand, since Σ weight · dweight over the keys equals Σ result · dresult over the head (Dao et al. 2022,
  // section 3.1): the second is a pass over [.., size] instead of two over [.., keys].
  const operands = [
    own.queries,
    own.keys,
    own.values,
    ...(prefix === undefined ? [] : [prefix.keys, prefix.values]),
  ];
  return withGradient(result, operands, (upstream) => {
    const along = beside(sum(multiply(upstream, result), [-1], true), 1);
    const toOwnWeights = beside(matmul(upstream, own.values, { transposeRight: true }), T);
    const toWeights =
      prefix === undefined
        ? toOwnWeights
        : concat([matmul(beside(upstream, size), prefix.values, { transposeRight: true }), toOwnWeights], -1);
    const toScores = multiply(weights, subtract(toWeights, along));
    const [ownScores, ownWeights] = [ofOwn(toScores), ofOwn(weights)];
    const slopes = [
      matmul(ownScores, own.keys, { scale }),
      matmul(ownScores, own.queries, { transposeLeft: true, scale }),
      matmul(ownWeights, upstream, { transposeLeft: true }),
    ] as const;
    if (prefix === undefined) return slopes;
    const [prefixScores, prefixWeights] = [ofPrefix(toScores), ofPrefix(weights)];
    return [
      add(slopes[0], apart(matmul(prefixScores, prefix.keys, { scale }), size)),
      slopes[1],
      slopes[2],
      matmul(prefixScores, beside(own.queries, size), { transposeLeft: true, scale }),
      matmul(prefixWeights, beside(upstream, size), { transposeLeft: true }),
    ];
  });
}
