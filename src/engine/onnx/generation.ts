/** A generation under way: the prompts' keys and values, and the cache that grows by a row of tokens a step. */

import type { Feed, Feeds } from "../../tensor/session.ts";
import { MASKED, headsOf } from "./attention.ts";
import type { Drawing } from "./generation-graphs.ts";
import { decodeGraph, prefillGraph } from "./generation-graphs.ts";
import type { PolicyWorkspace } from "./policy-workspace.ts";

export interface GenerationStart {
  /** P prefixes; with guidance twice the prompts, each with and then without its instruction. */
  readonly prompts: number;
  readonly groupSize: number;
  /** S, the longest prefix; shorter ones are padded on the right. May be 0. */
  readonly prefix: number;
  /** int64 [P·S], and the length of each prefix [P]. */
  readonly tokens: BigInt64Array;
  readonly lengths: readonly number[];
  /** Most steps it may take. */
  readonly steps: number;
  readonly drawing: Drawing;
  readonly temperature: number;
  /** Weight of the instruction; undefined draws from the prompts as they are. */
  readonly guidance: number | undefined;
}

/** R rows: the completions of every prompt, of which a guided generation has half as many as prefixes. */
export interface DrawRequest {
  /** The last token of each row, int64 [R]. */
  readonly tokens: BigInt64Array;
  /** A number in [0, 1) a row, [R]. */
  readonly uniform: Float32Array;
  /** Segments that some row draws from. */
  readonly drawn: readonly number[];
}

/** What was drawn, one pair of [R] arrays a drawn segment: ids less the segment's start, and log-probabilities. */
export type DrawnTokens = readonly { readonly tokens: BigInt64Array; readonly logprobs: Float32Array }[];

export interface Generation {
  readonly start: GenerationStart;
  /** Keys, values and mask of the prompts; the keys and values stay on the device. */
  readonly prefix: Feeds;
  /** Of each layer, room for every step's rows. */
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
  /** Steps taken. */
  taken: number;
}

/** Graphs are compiled for every eighth of the way: a longer past costs little, a new graph much. */
function pastBucket(taken: number, steps: number): number {
  const grain = Math.max(8, Math.ceil(steps / 64) * 8);
  return Math.ceil(taken / grain) * grain;
}

export async function startGeneration(
  workspace: PolicyWorkspace,
  start: GenerationStart,
): Promise<Generation> {
  const { config } = workspace.options;
  const { keyValueHeads, size } = headsOf(config);
  const { prompts, prefix } = start;
  const room = (pastBucket(start.steps, start.steps) + 1) * prompts * keyValueHeads * start.groupSize * size;
  const caches = (): Float32Array[] => Array.from({ length: config.layers }, () => new Float32Array(room));
  if (prefix === 0) return { start, prefix: {}, keys: caches(), values: caches(), taken: 0 };

  const session = await workspace.session(
    ["prefill", prompts, prefix],
    () => prefillGraph(workspace.options, prompts, prefix),
    "all",
  );
  const positions = BigInt64Array.from({ length: prompts * prefix }, (_, index) => BigInt(index % prefix));
  const { kept: filled } = await workspace.runKeeping(session, {
    tokens: start.tokens,
    positions,
    ...(await workspace.weights()),
  });
  const prefixMask = new Float32Array(prompts * prefix);
  for (const [prompt, length] of start.lengths.entries()) {
    prefixMask.fill(MASKED, prompt * prefix + length, (prompt + 1) * prefix);
  }
  return { start, prefix: { ...filled, prefixMask }, keys: caches(), values: caches(), taken: 0 };
}

export async function decodeStep(
  workspace: PolicyWorkspace,
  generation: Generation,
  request: DrawRequest,
): Promise<DrawnTokens> {
  const { config, segments } = workspace.options;
  const { start, taken } = generation;
  const past = pastBucket(taken, start.steps);
  const shape = {
    prompts: start.prompts,
    groupSize: start.groupSize,
    prefix: start.prefix,
    past,
    positions: start.prefix + pastBucket(start.steps, start.steps) + 1,
    drawn: request.drawn,
    isGuided: start.guidance !== undefined,
  };
  const session = await workspace.session(["decode", shape, start.drawing], () =>
    decodeGraph(workspace.options, shape, segments, start.drawing),
  );
  const rowCount = start.prompts * start.groupSize;
  const row = rowCount * config.keyValueHeads * config.headSize;
  const positions = BigInt64Array.from({ length: rowCount }, (_, index) =>
    BigInt((start.lengths[Math.floor(index / start.groupSize)] as number) + taken),
  );
  const feeds: Record<string, Feed> = {
    ...(await workspace.weights()),
    ...generation.prefix,
    tokens: start.guidance === undefined ? request.tokens : inPairs(request.tokens, start),
    positions,
    ...(start.guidance === undefined ? {} : { guidance: Float32Array.of(start.guidance) }),
    uniform: request.uniform,
    inverseTemperature: Float32Array.of(start.temperature === 0 ? 1 : 1 / start.temperature),
    pastMask: Float32Array.from({ length: past }, (_, at) => (at < taken ? 0 : MASKED)),
  };
  const into: Record<string, Float32Array> = {};
  for (let layer = 0; layer < config.layers; layer += 1) {
    const [keys, values] = [generation.keys[layer], generation.values[layer]] as [Float32Array, Float32Array];
    feeds[`pastKeys.${layer}`] = keys.subarray(0, past * row);
    feeds[`pastValues.${layer}`] = values.subarray(0, past * row);
    into[`keys.${layer}`] = keys.subarray(taken * row, (taken + 1) * row);
    into[`values.${layer}`] = values.subarray(taken * row, (taken + 1) * row);
  }
  const results = await workspace.run(session, feeds, into);
  generation.taken += 1;
  return request.drawn.map((index) => ({
    tokens: results[`token.${index}`] as BigInt64Array,
    logprobs: results[`logprob.${index}`] as Float32Array,
  }));
}

/** The tokens of each group twice, once for each prefix of its pair. */
function inPairs(tokens: BigInt64Array, { prompts, groupSize }: GenerationStart): BigInt64Array {
  const doubled = new BigInt64Array(prompts * groupSize);
  for (let prefix = 0; prefix < prompts; prefix += 1) {
    const group = Math.floor(prefix / 2) * groupSize;
    doubled.set(tokens.subarray(group, group + groupSize), prefix * groupSize);
  }
  return doubled;
}
