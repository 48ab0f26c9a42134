/**
 * A batch of groups as the flat arrays that graphs take. Leading forced ids are moved into the shared prefix,
 * trailing ones are dropped, and only free tokens have a row in the loss.
 */

import { ShapeError } from "../../errors.ts";
import { constraintsOf } from "../../tokens/constraints.ts";
import type { Grammar } from "../../tokens/grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import { MASKED } from "./attention.ts";
import type { BatchShape } from "./training-graphs.ts";

/** What a loss needs of one completion; log-probabilities alone need only its ids. */
export interface PackedCompletion {
  readonly ids: Int32Array;
  readonly advantage?: number;
  readonly weights?: Float32Array;
  readonly oldLogprobs?: Float32Array;
  readonly refLogprobs?: Float32Array;
}

export interface PackedGroup {
  readonly prompt: Prompt;
  readonly completions: readonly PackedCompletion[];
}

/** Where an entry of the flat lists came from. */
export interface TokenPlace {
  readonly group: number;
  readonly completion: number;
  readonly token: number;
}

export interface PackedBatch {
  readonly shape: BatchShape;
  /** Graph inputs by name. */
  readonly feeds: Readonly<Record<string, Float32Array | BigInt64Array>>;
  /** Of the flat lists' entries; undefined where one is padding. */
  readonly places: readonly (TokenPlace | undefined)[];
  /** Tokens that count in the loss. */
  readonly counted: number;
}

/** The next size that graphs are compiled for: at most an eighth above. Keeps the number of graphs small. */
export function bucket(size: number): number {
  if (size <= 8) return size;
  const grain = 2 ** Math.max(0, Math.floor(Math.log2(size)) - 3);
  return Math.ceil(size / grain) * grain;
}

interface Row {
  readonly place: Omit<TokenPlace, "token">;
  readonly completion: PackedCompletion;
  /** Segment of each id, −1 where forced. */
  readonly segments: Int8Array;
  /** Position of the first and of the last free id. */
  readonly first: number;
  readonly last: number;
}

interface Laid {
  readonly prefix: readonly number[];
  readonly rows: readonly Row[];
  /** Forced ids that every completion begins with. */
  readonly lead: number;
}

function lay(group: PackedGroup, index: number, grammar: Grammar): Laid {
  const rows = group.completions.map((completion, position) => {
    const segments = constraintsOf(grammar, group.prompt, completion.ids);
    const first = segments.findIndex((segment) => segment >= 0);
    const last = segments.findLastIndex((segment) => segment >= 0);
    return { place: { group: index, completion: position }, completion, segments, first, last };
  });
  const free = rows.filter(({ first }) => first >= 0);
  const lead = free.length === 0 ? 0 : Math.min(...free.map(({ first }) => first));
  const opening = free[0]?.completion.ids.subarray(0, lead) ?? [];
  return { prefix: [...group.prompt.ids, ...opening], rows, lead };
}

/** Packs groups into one batch. Throws ShapeError for a group without completions. */
export function packBatch(groups: readonly PackedGroup[], grammar: Grammar): PackedBatch {
  const laid = groups.map((group, index) => {
    if (group.completions.length === 0) throw new ShapeError(`Group ${index} has no completions.`);
    return lay(group, index, grammar);
  });
  const groupSize = Math.max(...laid.map(({ rows }) => rows.length));
  const lengthOf = ({ last }: Row, lead: number): number => (last < 0 ? 1 : last - lead + 1);
  const completion = bucket(
    Math.max(...laid.flatMap(({ rows, lead }) => rows.map((row) => lengthOf(row, lead)))),
  );
  const longest = Math.max(...laid.map(({ prefix }) => prefix.length - 1));
  const size = { prompts: bucket(groups.length), groupSize, prefix: bucket(longest), completion };
  const lists = freeTokenLists(laid, size, grammar);
  return {
    shape: { ...size, counts: lists.counts },
    feeds: { ...tokenFeeds(laid, size), ...lists.feeds },
    places: lists.places,
    counted: lists.counted,
  };
}

type Size = Omit<BatchShape, "counts">;

function tokenFeeds(laid: readonly Laid[], size: Size): Record<string, Float32Array | BigInt64Array> {
  const { prompts, groupSize, prefix, completion } = size;
  const tokens = new BigInt64Array(prompts * (prefix + groupSize * completion));
  const positions = new BigInt64Array(tokens.length);
  const prefixMask = new Float32Array(prompts * prefix);
  for (const [index, { prefix: ids, rows, lead }] of laid.entries()) {
    const length = ids.length - 1;
    for (let at = 0; at < length; at += 1) {
      tokens[index * prefix + at] = BigInt(ids[at] as number);
      positions[index * prefix + at] = BigInt(at);
    }
    prefixMask.fill(MASKED, index * prefix + length, (index + 1) * prefix);
    for (const [row, { completion: own, last }] of rows.entries()) {
      const start = prompts * prefix + (index * groupSize + row) * completion;
      for (let at = 0; at <= Math.max(last - lead, 0); at += 1) {
        const id = at === 0 ? (ids[length] as number) : (own.ids[lead + at - 1] as number);
        tokens[start + at] = BigInt(id);
        positions[start + at] = BigInt(length + at);
      }
    }
  }
  return prefix === 0 ? { tokens, positions } : { tokens, positions, prefixMask };
}

interface FreeTokenLists {
  readonly counts: readonly number[];
  readonly feeds: Record<string, Float32Array | BigInt64Array>;
  readonly places: readonly (TokenPlace | undefined)[];
  readonly counted: number;
}

function freeTokenLists(laid: readonly Laid[], size: Size, grammar: Grammar): FreeTokenLists {
  const perSegment = grammar.segments.map((_, segment) =>
    laid.flatMap(({ rows, lead }) =>
      rows.flatMap((row) =>
        Array.from(row.segments.keys())
          .filter((token) => row.segments[token] === segment)
          .map((token) => ({ row, lead, token })),
      ),
    ),
  );
  const counts = perSegment.map((entries) => bucket(entries.length));
  const total = counts.reduce((sum, count) => sum + count, 0);
  const lists = {
    weights: new Float32Array(total),
    counted: new Float32Array(total),
    advantages: new Float32Array(total),
    oldLogprobs: new Float32Array(total),
    refLogprobs: new Float32Array(total),
    shares: new Float32Array(total),
    completion: new BigInt64Array(total),
  };
  const places: (TokenPlace | undefined)[] = Array.from({ length: total });
  const feeds: Record<string, Float32Array | BigInt64Array> = { ...lists };
  let start = 0;
  let counted = 0;
  for (const [segment, entries] of perSegment.entries()) {
    const rows = new BigInt64Array(counts[segment]);
    const targets = new BigInt64Array(rows.length);
    for (const [offset, { row, lead, token }] of entries.entries()) {
      const { completion, place, segments } = row;
      const at = start + offset;
      const index = place.group * size.groupSize + place.completion;
      rows[offset] = BigInt(index * size.completion + token - lead);
      targets[offset] = BigInt((completion.ids[token] as number) - (grammar.segments[segment]?.start ?? 0));
      lists.weights[at] = completion.weights?.[token] ?? 0;
      lists.counted[at] = lists.weights[at] === 0 ? 0 : 1;
      lists.advantages[at] = completion.advantage ?? 0;
      lists.oldLogprobs[at] = completion.oldLogprobs?.[token] ?? 0;
      lists.refLogprobs[at] = completion.refLogprobs?.[token] ?? 0;
      lists.shares[at] = 1 / segments.reduce((free, kind) => free + (kind >= 0 ? 1 : 0), 0);
      lists.completion[at] = BigInt(index);
      places[at] = { ...place, token };
      counted += lists.counted[at];
    }
    feeds[`rows.${segment}`] = rows;
    feeds[`targets.${segment}`] = targets;
    start += rows.length;
  }
  return { counts, feeds, places, counted };
}
