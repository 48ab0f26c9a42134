/**
 * Groups laid out for the workers: flat, without padding between a prompt and its completions, some groups a pass,
 * passes dealt to ranks. Every rank must make as many passes as the others, since they meet in each layer; one that has
 * fewer repeats one whose tokens count for nothing.
 */

import type { Segment } from "../../tokens/grammar.ts";
import { bucket } from "../bucket.ts";
import { packBatch, type PackedBatch, type PackedGroup, type TokenPlace } from "../onnx/packed-batch.ts";
import type { FrameArray } from "./frames.ts";

/** Of a pass, in the order of its groups: ids of the prompt, completions, ids of each. */
type Layout = readonly (readonly [prompt: number, completions: number, length: number])[];

export interface Microbatch {
  readonly layout: Layout;
  /** Those that some free token is drawn from. */
  readonly segments: readonly number[];
  readonly completions: number;
  /** Free tokens, and how many the terms of the loss have room for. */
  readonly tokens: number;
  readonly room: number;
  /** tokens, positions, `rows.k` and `targets.k` of segment k, and the loss's terms as `term.name`. */
  readonly arrays: ReadonlyMap<string, FrameArray>;
  /** Of the free tokens, in the order in which log-probabilities come back. */
  readonly places: readonly TokenPlace[];
  /** Tokens that count in the loss. */
  readonly counted: number;
  /** True where it is repeated so that its rank has something to do. */
  readonly isIdle: boolean;
}

export interface Dealing {
  readonly segments: readonly Segment[];
  readonly workers: number;
  /** Groups in one pass. */
  readonly groups: number;
}

const TERMS = ["weights", "counted", "advantages", "oldLogprobs", "refLogprobs", "shares"] as const;

/**
 * Passes by rank, equally many each; none where nothing is free. Throws ShapeError for a group without completions or
 * constraints that are not one an id, DataError for an id outside its segment.
 */
export function dealGroups(groups: readonly PackedGroup[], dealing: Dealing): Microbatch[][] {
  const packs = groups.map((group, index) => ({
    index,
    pack: packBatch([group], dealing.segments, (size) => size),
  }));
  const open = packs.filter(({ pack }) => pack.shape.counts.some((count) => count > 0));
  const passes: Microbatch[] = [];
  for (let start = 0; start < open.length; start += dealing.groups)
    passes.push(joined(open.slice(start, start + dealing.groups)));
  const [first] = passes;
  if (first === undefined) return [];
  const each = Math.ceil(passes.length / dealing.workers);
  return Array.from({ length: dealing.workers }, (_, rank) =>
    Array.from({ length: each }, (_pass, place) => passes[place * dealing.workers + rank] ?? idle(first)),
  );
}

function joined(packs: readonly { readonly index: number; readonly pack: PackedBatch }[]): Microbatch {
  const layout: (readonly [number, number, number])[] = [];
  const flat = { tokens: [] as BigInt64Array[], positions: [] as BigInt64Array[] };
  const starts: { readonly row: number; readonly completion: number }[] = [];
  let [row, completions] = [0, 0];
  for (const { pack } of packs) {
    const { prefix, groupSize, completion } = pack.shape;
    layout.push([prefix, groupSize, completion]);
    flat.tokens.push(pack.feeds["tokens"] as BigInt64Array);
    flat.positions.push(pack.feeds["positions"] as BigInt64Array);
    starts.push({ row: row + prefix, completion: completions });
    row += prefix + groupSize * completion;
    completions += groupSize;
  }
  const arrays = new Map<string, FrameArray>([
    ["tokens", concatenated(flat.tokens)],
    ["positions", concatenated(flat.positions)],
  ]);
  const counts = packs[0]?.pack.shape.counts ?? [];
  const segments = counts
    .map((_, k) => k)
    .filter((k) => packs.some(({ pack }) => pack.shape.counts[k] !== 0));
  const places: TokenPlace[] = [];
  const terms = new Map<string, number[]>(TERMS.map((name) => [name, []]));
  const owners: bigint[] = [];
  for (const k of segments) {
    const [rows, targets]: bigint[][] = [[], []];
    for (const [place, { index, pack }] of packs.entries()) {
      const { row: firstRow, completion: firstCompletion } = starts[place]!;
      const from = pack.shape.counts.slice(0, k).reduce((sum, count) => sum + count, 0);
      const to = from + (pack.shape.counts[k] ?? 0);
      const feed = (name: string): BigInt64Array => pack.feeds[name] as BigInt64Array;
      for (const value of feed(`rows.${k}`)) rows!.push(value + BigInt(firstRow));
      for (const value of feed(`targets.${k}`)) targets!.push(value);
      for (const value of feed("completion").subarray(from, to)) owners.push(value + BigInt(firstCompletion));
      for (const [name, values] of terms)
        for (const value of (pack.feeds[name] as Float32Array).subarray(from, to)) values.push(value);
      for (const one of pack.places.slice(from, to)) places.push({ ...(one as TokenPlace), group: index });
    }
    arrays.set(`rows.${k}`, BigInt64Array.from(rows!));
    arrays.set(`targets.${k}`, BigInt64Array.from(targets!));
  }
  const room = bucket(places.length);
  for (const [name, values] of terms) {
    const padded = new Float32Array(room);
    padded.set(values);
    arrays.set(`term.${name}`, padded);
  }
  const owned = new BigInt64Array(room);
  owned.set(owners);
  arrays.set("term.completion", owned);
  const counted = packs.reduce((sum, { pack }) => sum + pack.counted, 0);
  return {
    layout,
    segments,
    completions,
    tokens: places.length,
    room,
    arrays,
    places,
    counted,
    isIdle: false,
  };
}

/** The same pass, of which nothing counts. */
function idle(pass: Microbatch): Microbatch {
  const nothing = new Float32Array(pass.room);
  const arrays = new Map(pass.arrays).set("term.weights", nothing).set("term.counted", nothing);
  return { ...pass, arrays, counted: 0, isIdle: true };
}

function concatenated(parts: readonly BigInt64Array[]): BigInt64Array {
  const all = new BigInt64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
