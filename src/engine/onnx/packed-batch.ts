/**
 * A batch of groups as the flat arrays that graphs take. Leading forced ids are moved into the shared prefix,
 * trailing ones are dropped, and only free tokens have a row in the loss.
 */

import { DataError, ShapeError } from "../../errors.ts";
import type { ReadIds } from "../../tokens/constraints.ts";
import type { Segment } from "../../tokens/grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import { bucket } from "../bucket.ts";
import { MASKED } from "./attention.ts";
import type { BatchShape } from "./training-graphs.ts";

/** What a loss needs of one completion; log-probabilities alone need only how its ids are read. */
export interface PackedCompletion extends ReadIds {
  readonly advantage?: number;
  readonly importance?: Float32Array;
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

interface Row {
  readonly place: Omit<TokenPlace, "token">;
  readonly completion: PackedCompletion;
  /** Position of the first and of the last free id; −1 without one. */
  readonly first: number;
  readonly last: number;
  /** Free ids whose weight is not 0. */
  readonly counted: number;
}

interface LaidGroup {
  readonly prefix: readonly number[];
  readonly rows: readonly Row[];
  /** Forced ids that every completion begins with. */
  readonly lead: number;
}

function layGroup(group: PackedGroup, index: number): LaidGroup {
  if (group.completions.length === 0) throw new ShapeError(`Group ${index} has no completions.`);
  const rows = group.completions.map((completion, position): Row => {
    const { ids, constraints } = completion;
    if (constraints.length !== ids.length) {
      throw new ShapeError(`A completion of ${ids.length} ids has ${constraints.length} constraints.`);
    }
    const first = constraints.findIndex((segment) => segment >= 0);
    const last = constraints.findLastIndex((segment) => segment >= 0);
    const isCounted = (segment: number, at: number): boolean =>
      segment >= 0 && (completion.weights?.[at] ?? 0) !== 0;
    const counted = constraints.reduce((sum, segment, at) => sum + (isCounted(segment, at) ? 1 : 0), 0);
    return { place: { group: index, completion: position }, completion, first, last, counted };
  });
  const open = rows.filter(({ first }) => first >= 0);
  const lead = open.length === 0 ? 0 : Math.min(...open.map(({ first }) => first));
  const opening = open[0]?.completion.ids.subarray(0, lead) ?? [];
  return { prefix: [...group.prompt.ids, ...opening], rows, lead };
}

/**
 * Packs groups into one batch, whose sizes are rounded up by `room`: a graph is compiled for each. Throws ShapeError for a group without completions or constraints that are not one an id,
 * DataError for an id outside the segment it is said to be drawn from.
 */
export function packBatch(
  groups: readonly PackedGroup[],
  segments: readonly Segment[],
  room: (size: number) => number = bucket,
): PackedBatch {
  const laid = groups.map(layGroup);
  const groupSize = Math.max(...laid.map(({ rows }) => rows.length));
  const lengthOf = ({ last }: Row, lead: number): number => (last < 0 ? 1 : last - lead + 1);
  const completion = room(
    Math.max(...laid.flatMap(({ rows, lead }) => rows.map((row) => lengthOf(row, lead)))),
  );
  const longest = Math.max(...laid.map(({ prefix }) => prefix.length - 1));
  const size = { prompts: room(groups.length), groupSize, prefix: room(longest), completion };
  const lists = freeTokenLists(laid, size, { segments, room });
  return {
    shape: { ...size, counts: lists.counts },
    feeds: { ...tokenFeeds(laid, size), ...lists.feeds },
    places: lists.places,
    counted: lists.counted,
  };
}

type Size = Omit<BatchShape, "counts">;

function tokenFeeds(laid: readonly LaidGroup[], size: Size): Record<string, Float32Array | BigInt64Array> {
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

/** One entry a free token: segment by segment, in each the groups, rows and places in order; padded to a bucket each. */
function freeTokenLists(
  laid: readonly LaidGroup[],
  size: Size,
  { segments, room }: { readonly segments: readonly Segment[]; readonly room: (size: number) => number },
): FreeTokenLists {
  const found = segments.map(() => 0);
  const rows = laid.flatMap((group) => group.rows.map((row) => ({ row, lead: group.lead })));
  for (const { row } of rows) {
    for (const segment of row.completion.constraints) {
      if (segment >= segments.length) throw new ShapeError(`There is no segment ${segment}.`);
      if (segment >= 0) found[segment]! += 1;
    }
  }
  const counts = found.map(room);
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
  const perSegment = counts.map((count) => ({
    rows: new BigInt64Array(count),
    targets: new BigInt64Array(count),
  }));
  const starts = counts.map((_, segment) => counts.slice(0, segment).reduce((sum, count) => sum + count, 0));
  const taken = segments.map(() => 0);
  let counted = 0;
  for (const { row, lead } of rows) {
    const { completion, place } = row;
    const index = place.group * size.groupSize + place.completion;
    for (const [token, segment] of completion.constraints.entries()) {
      if (segment < 0) continue;
      const offset = taken[segment] as number;
      taken[segment] = offset + 1;
      const at = (starts[segment] as number) + offset;
      const list = perSegment[segment] as (typeof perSegment)[0];
      list.rows[offset] = BigInt(index * size.completion + token - lead);
      list.targets[offset] = BigInt(placeIn(segments[segment] as Segment, completion.ids[token] as number));
      lists.weights[at] = completion.weights?.[token] ?? 0;
      lists.counted[at] = lists.weights[at] === 0 ? 0 : 1;
      lists.advantages[at] = (completion.advantage ?? 0) * (completion.importance?.[token] ?? 1);
      lists.oldLogprobs[at] = completion.oldLogprobs?.[token] ?? 0;
      lists.refLogprobs[at] = completion.refLogprobs?.[token] ?? 0;
      lists.shares[at] = lists.counted[at] === 0 ? 0 : 1 / row.counted;
      lists.completion[at] = BigInt(index);
      places[at] = { ...place, token };
      counted += lists.counted[at];
    }
  }
  const feeds: Record<string, Float32Array | BigInt64Array> = { ...lists };
  for (const [segment, list] of perSegment.entries()) {
    feeds[`rows.${segment}`] = list.rows;
    feeds[`targets.${segment}`] = list.targets;
  }
  return { counts, feeds, places, counted };
}

/** Which of a segment's ids it is. */
function placeIn({ name, start, end }: Segment, id: number): number {
  if (id >= start && id < end) return id - start;
  throw new DataError(`Id ${id} is not one of "${name}", which has ids ${start} to ${end - 1}.`);
}
