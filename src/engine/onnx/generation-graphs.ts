/**
 * The graphs that generate. `prefillGraph` computes a prompt's keys and values once a group; `decodeGraph` takes every
 * row on by a run of tokens, each drawn from the one before it inside the graph.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import { EMBEDDING, FINAL_NORM } from "../../policy/parameters.ts";
import { add } from "../../tensor/ops/elementwise.ts";
import { gather } from "../../tensor/ops/gather.ts";
import { constant, input } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { rmsNorm, softmax } from "../../tensor/ops/normalize.ts";
import { rotary, type RotaryTables } from "../../tensor/ops/rotary.ts";
import { concat, reshape, slice, transpose } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { attentionPlan, headsOf, prefixAttention, prefixRows } from "./attention.ts";
import { layerWeights, mlp, tablesFor, weight } from "./decoder.ts";
import type { Drawing } from "../generation-run.ts";
import { tokenChoice, type Choice, type RunShape } from "./drawing.ts";
import { weightInputs, type GraphPolicy, type Weights } from "./policy-parts.ts";

/** Keys and values of the prefixes, `prefixKeys.l` and `prefixValues.l` of each layer: [P·heads, S, size]. */
export function prefillGraph(policy: GraphPolicy, prompts: number, prefix: number): Record<string, Value> {
  const { config } = policy;
  const weights = weightInputs(policy);
  const plan = attentionPlan(config, { prompts, prefix, groupSize: 1, completion: 0 });
  const count = prompts * prefix;
  const positions = input("positions", [count], "int64");
  const tables = tablesFor(config, prefix);
  const outputs: Record<string, Value> = {};
  let rows = gather(weight(weights, EMBEDDING), input("tokens", [count], "int64"));
  for (let layer = 0; layer < config.layers; layer += 1) {
    const { at, project } = layerWeights(weights, layer);
    const normal = rmsNorm(rows, at("input_layernorm"), config.normEpsilon);
    const asRows = (tokens: Value): Value => prefixRows(tokens, prompts, prefix, plan.heads);
    const keys = asRows(rotary(project(normal, "self_attn.k_proj"), positions, tables));
    const values = asRows(project(normal, "self_attn.v_proj"));
    outputs[`prefixKeys.${layer}`] = keys;
    outputs[`prefixValues.${layer}`] = values;
    const queries = rotary(project(normal, "self_attn.q_proj"), positions, tables);
    const mixed = prefixAttention({ queries, keys, values }, plan);
    const afterAttention = add(rows, project(mixed, "self_attn.o_proj"));
    rows = add(
      afterAttention,
      mlp(rmsNorm(afterAttention, at("post_attention_layernorm"), config.normEpsilon), { project }),
    );
  }
  return outputs;
}

export interface DecodeShape extends RunShape {
  /** S tokens of prefix; may be 0. */
  readonly prefix: number;
  /** Room for past tokens of the completions; those not there yet are masked. */
  readonly past: number;
  /** Positions the rotary tables must cover. */
  readonly positions: number;
}

/**
 * N steps of every row [R = P·G], of which D = R rows are drawn for (guided: R / 2). Inputs: `tokens`, `positions` [R]
 * of the first step; `forced` int64 [N, D], the id that follows or `drawnFrom(segment)`; `uniform` [N, D],
 * `inverseTemperature`; `head.k` the head's rows of each drawn segment; `prefixKeys.l`, `prefixValues.l`, `prefixMask`
 * [P, 1, 1, S]; `pastKeys.l`, `pastValues.l` [P·heads·G, past, size], `pastMask` [past]; guided, also `guidance`.
 * Outputs: `keys.l`, `values.l` [P·heads·G, N, size], the run's own part of the cache; `ids` int64 and `logprobs`
 * [N, D], unless all is forced.
 */
export function decodeGraph(
  policy: GraphPolicy,
  shape: DecodeShape,
  segments: readonly Segment[],
  drawing: Drawing,
): Record<string, Value> {
  const { config } = policy;
  const { steps } = shape;
  const rowCount = shape.prompts * shape.groupSize;
  const context = decodeContext(policy, shape);
  const choice = tokenChoice(config, shape, segments, drawing);
  const positions = input("positions", [rowCount], "int64");
  const written: Choice[] = [];
  let tokens = input("tokens", [rowCount], "int64");
  for (let step = 0; step < steps; step += 1) {
    const here = add(positions, constant(BigInt64Array.of(BigInt(step)), [1]));
    const rows = decodeOnce(tokens, here, context);
    if (step + 1 === steps && shape.drawn.length === 0) break;
    const chosen = choice(rows, step);
    written.push(chosen);
    tokens = forEveryRow(chosen.ids, shape);
  }
  const cache = context.own.flatMap(({ keys, values }, layer) => [
    [`keys.${layer}`, keys] as const,
    [`values.${layer}`, values] as const,
  ]);
  if (shape.drawn.length === 0) return Object.fromEntries(cache);
  return {
    ...Object.fromEntries(cache),
    ids: stacked(written.map(({ ids }) => ids)),
    logprobs: stacked(written.map(({ logprobs }) => logprobs)),
  };
}

/** What a completion's tokens attend to in one layer. */
interface LayerCache {
  /** Of the prompts, [P·heads, S, size]. */
  readonly prefix: KeysAndValues | undefined;
  /** Of the runs before, [P·heads·G, past, size]. */
  readonly past: KeysAndValues;
}
interface KeysAndValues {
  readonly keys: Value;
  readonly values: Value;
}

interface DecodeContext {
  readonly config: PolicyConfig;
  readonly shape: DecodeShape;
  readonly weights: Weights;
  readonly tables: RotaryTables;
  /** The same with attention's scale in them, so that no product has to be scaled: onnxruntime's kernels for one row take none. */
  readonly queryTables: RotaryTables;
  readonly prefixMask: Value | undefined;
  readonly pastMask: Value;
  readonly caches: readonly LayerCache[];
  /** Of each layer, the run's keys and values so far, [P·heads·G, steps, size]; grows with every step. */
  readonly own: KeysAndValues[];
}

function decodeContext(policy: GraphPolicy, shape: DecodeShape): DecodeContext {
  const { config } = policy;
  const { keyValueHeads: K, size } = headsOf(config);
  const { prompts: P, groupSize: G, prefix: S, past: T } = shape;
  const layers = Array.from({ length: config.layers }, (_, layer) => layer);
  const pair = (name: string, layer: number, dimensions: readonly number[]): KeysAndValues => ({
    keys: input(`${name}Keys.${layer}`, dimensions),
    values: input(`${name}Values.${layer}`, dimensions),
  });
  return {
    config,
    shape,
    weights: weightInputs(policy),
    tables: tablesFor(config, shape.positions),
    queryTables: tablesFor(config, shape.positions, 1 / Math.sqrt(size)),
    prefixMask: S === 0 ? undefined : input("prefixMask", [P, 1, 1, S]),
    pastMask: input("pastMask", [T]),
    caches: layers.map((layer) => ({
      prefix: S === 0 ? undefined : pair("prefix", layer, [P * K, S, size]),
      past: pair("past", layer, [P * K * G, T, size]),
    })),
    own: [],
  };
}

/** Final hidden states of one token a row, [R, D]; its keys and values join the run's. */
function decodeOnce(tokens: Value, positions: Value, context: DecodeContext): Value {
  const { config, weights, shape, tables, queryTables } = context;
  let rows = gather(weight(weights, EMBEDDING), tokens);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const { at, project } = layerWeights(weights, layer);
    const normal = rmsNorm(rows, at("input_layernorm"), config.normEpsilon);
    const keys = beside(rotary(project(normal, "self_attn.k_proj"), positions, tables), config, shape);
    const values = beside(project(normal, "self_attn.v_proj"), config, shape);
    const before = context.own[layer];
    context.own[layer] =
      before === undefined
        ? { keys, values }
        : { keys: concat([before.keys, keys], 1), values: concat([before.values, values], 1) };
    const queries = rotary(project(normal, "self_attn.q_proj"), positions, queryTables);
    const mixed = cachedAttention(queries, layer, context);
    const afterAttention = add(rows, project(mixed, "self_attn.o_proj"));
    rows = add(
      afterAttention,
      mlp(rmsNorm(afterAttention, at("post_attention_layernorm"), config.normEpsilon), { project }),
    );
  }
  return rmsNorm(rows, weight(weights, FINAL_NORM), config.normEpsilon);
}

/** [P·G, heads·size] to the cache's order of rows, [P·heads·G, 1, size]. */
function beside(tokens: Value, config: PolicyConfig, { prompts, groupSize }: DecodeShape): Value {
  const { keyValueHeads, size } = headsOf(config);
  const split = reshape(tokens, [prompts, groupSize, keyValueHeads, size]);
  return reshape(transpose(split, [0, 2, 1, 3]), [prompts * keyValueHeads * groupSize, 1, size]);
}

/** Scaled queries [P·G, heads·size] over prompt, past and the run so far; the same shape comes out. */
function cachedAttention(queries: Value, layer: number, context: DecodeContext): Value {
  const { shape, prefixMask, pastMask } = context;
  const { keyValueHeads: K, sharing: g, size } = headsOf(context.config);
  const { prompts: P, groupSize: G } = shape;
  const { prefix, past } = context.caches[layer] as LayerCache;
  const ordered = transpose(reshape(queries, [P, G, K, g, size]), [0, 2, 1, 3, 4]);
  const [aRow, aPrompt] = [
    [P * K * G, g],
    [P * K, G * g],
  ] as const;
  /** Scores of some keys, [P, K, G·g, keys], and how their share of the weights is mixed. */
  const part = (rows: readonly [number, number], { keys, values }: KeysAndValues, mask?: Value): Part => {
    const scores = matmul(reshape(ordered, [...rows, size]), keys, { transposeRight: true });
    const width = keys.shape[1] as number;
    const apart = reshape(scores, [P, K, G * g, width]);
    return {
      scores: mask === undefined ? apart : add(apart, mask),
      mix: (weights) => reshape(matmul(reshape(weights, [...rows, width]), values), [P * K * G, g, size]),
    };
  };
  const parts = [
    part(aRow, context.own[layer] as KeysAndValues),
    part(aRow, past, pastMask),
    ...(prefix === undefined ? [] : [part(aPrompt, prefix, prefixMask)]),
  ];
  const weights = softmax(
    concat(
      parts.map(({ scores }) => scores),
      -1,
    ),
  );
  let start = 0;
  const mixed = parts.map(({ scores, mix }) => {
    const end = start + (scores.shape[3] as number);
    const share = slice(weights, -1, start, end);
    start = end;
    return mix(share);
  });
  const total = mixed.reduce((sumSoFar, one) => add(sumSoFar, one));
  return reshape(transpose(reshape(total, [P, K, G, g, size]), [0, 2, 1, 3, 4]), [P * G, K * g * size]);
}

interface Part {
  readonly scores: Value;
  readonly mix: (weights: Value) => Value;
}

/** Ids of the D rows for all R: with guidance both prefixes of a pair go on with the same. */
function forEveryRow(ids: Value, { prompts, groupSize, isGuided }: DecodeShape): Value {
  if (!isGuided) return ids;
  const pairs = reshape(ids, [prompts / 2, groupSize]);
  return reshape(concat([pairs, pairs], 1), [prompts * groupSize]);
}

/** [D] a step to [N, D]. */
function stacked(steps: readonly Value[]): Value {
  return concat(
    steps.map((values) => reshape(values, [1, ...values.shape])),
    0,
  );
}
