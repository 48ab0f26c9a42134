/** A generation under way: the prompts' keys and values, and those of the completions, which grow by a run at a time. */

import type { GraphRunner } from "../../tensor/graph-runner.ts";
import type { Feeds } from "../../tensor/session.ts";
import type { GenerationStart, RunRequest, WrittenRun } from "../generation-run.ts";
import { MASKED, headsOf } from "./attention.ts";
import { CompletionCache } from "./completion-cache.ts";
import { decodeGraph, prefillGraph } from "./generation-graphs.ts";
import type { GraphContext } from "./training-graphs.ts";

/** What generations compute with. */
export interface Sampler {
  readonly runner: GraphRunner;
  readonly context: Pick<GraphContext, "config" | "trained" | "segments">;
  /** The policy's present ones, ready to be fed. */
  readonly weights: Feeds;
}

export interface Generation {
  readonly start: GenerationStart;
  /** Keys, values and mask of the prompts; the keys and values stay on the device. */
  readonly prefix: Feeds;
  readonly cache: CompletionCache;
}

/** Graphs are compiled for every quarter of the way, the first for the beginning too: a longer past costs little, a new graph much. */
function pastBucket(taken: number, steps: number): number {
  const grain = Math.max(32, Math.ceil(steps / 32) * 8);
  return Math.max(1, Math.ceil(taken / grain)) * grain;
}

/**
 * Most tokens of one run. Calling a graph costs milliseconds, and opening one costs more the longer it is: small
 * policies go many steps a call, a large one, whose step takes seconds, goes few.
 */
export function longestRun(layers: number): number {
  return Math.max(1, Math.min(8, Math.floor(64 / layers)));
}

/** Computes the prompts; `spare` is the cache of a generation that has ended. */
export async function startGeneration(
  { runner, context, weights }: Sampler,
  start: GenerationStart,
  spare?: CompletionCache,
): Promise<{ readonly generation: Generation; readonly flops: number }> {
  const { config } = context;
  const { keyValueHeads, size } = headsOf(config);
  const { prompts, prefix } = start;
  const cache = CompletionCache.reuse(spare, {
    layers: config.layers,
    rows: prompts * keyValueHeads * start.groupSize,
    size,
    capacity: pastBucket(start.steps, start.steps) + longestRun(config.layers),
  });
  if (prefix === 0) return { generation: { start, prefix: {}, cache }, flops: 0 };

  const recipe = {
    key: ["prefill", prompts, prefix],
    build: () => prefillGraph(context, prompts, prefix),
    kept: "all",
  } as const;
  const positions = BigInt64Array.from({ length: prompts * prefix }, (_, index) => BigInt(index % prefix));
  const { kept: filled, flops } = await runner.run(recipe, { tokens: start.tokens, positions, ...weights });
  const prefixMask = new Float32Array(prompts * prefix);
  for (const [prompt, length] of start.lengths.entries()) {
    prefixMask.fill(MASKED, prompt * prefix + length, (prompt + 1) * prefix);
  }
  return { generation: { start, prefix: { ...filled, prefixMask }, cache }, flops };
}

/** Takes every row of a generation on by a run. */
export async function decodeRun(
  { runner, context, weights }: Sampler,
  { start, prefix, cache }: Generation,
  { steps, tokens, forced, uniform, drawn }: RunRequest,
): Promise<WrittenRun & { readonly flops: number }> {
  const taken = cache.length;
  const past = pastBucket(taken, start.steps);
  const shape = {
    prompts: start.prompts,
    groupSize: start.groupSize,
    prefix: start.prefix,
    past,
    steps,
    positions: start.prefix + cache.shape.capacity + 1,
    drawn,
    isGuided: start.guidance !== undefined,
  };
  const recipe = {
    key: ["decode", shape, start.drawing],
    build: () => decodeGraph(context, shape, context.segments, start.drawing),
  };
  const positions = BigInt64Array.from({ length: start.prompts * start.groupSize }, (_, index) =>
    BigInt((start.lengths[Math.floor(index / start.groupSize)] as number) + taken),
  );
  const { read, flops } = await runner.run(recipe, {
    ...weights,
    ...prefix,
    ...cache.feeds(past),
    tokens: start.guidance === undefined ? tokens : inPairs(tokens, start),
    positions,
    ...(start.guidance === undefined ? {} : { guidance: Float32Array.of(start.guidance) }),
    forced,
    uniform,
    inverseTemperature: Float32Array.of(start.temperature === 0 ? 1 : 1 / start.temperature),
    pastMask: Float32Array.from({ length: past }, (_, at) => (at < taken ? 0 : MASKED)),
  });
  cache.append(read, steps);
  return {
    ids: (read["ids"] ?? new BigInt64Array()) as BigInt64Array,
    logprobs: (read["logprobs"] ?? new Float32Array()) as Float32Array,
    flops,
  };
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
