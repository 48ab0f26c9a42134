/**
 * The graphs that generate. `prefillGraph` computes a prompt's keys and values once a group; `decodeGraph` takes one
 * token of every row on, and draws the next where it is free. The cache of a completion's own keys and values is
 * kept row by row in time, so a step's part is one contiguous piece that the caller can write in place.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import { EMBEDDING, FINAL_NORM } from "../../policy/parameters.ts";
import {
  add,
  cast,
  exp,
  less,
  lessOrEqual,
  minimum,
  multiply,
  subtract,
  where,
} from "../../tensor/ops/elementwise.ts";
import { gather, gatherLast } from "../../tensor/ops/gather.ts";
import { input, scalar } from "../../tensor/ops/leaves.ts";
import { matmul } from "../../tensor/ops/matmul.ts";
import { logSoftmax, rmsNorm, softmax } from "../../tensor/ops/normalize.ts";
import { max, sum } from "../../tensor/ops/reduce.ts";
import { rotary } from "../../tensor/ops/rotary.ts";
import { cumulativeSum, largest } from "../../tensor/ops/sampling.ts";
import { concat, reshape, slice, transpose } from "../../tensor/ops/shape.ts";
import type { Value } from "../../tensor/value.ts";
import type { Segment } from "../../tokens/grammar.ts";
import { headsOf, prefixAttention, prefixRows } from "./attention.ts";
import { layerWeights, mlp, tablesFor, weight } from "./decoder.ts";
import { segmentLogits } from "./head.ts";
import { weightInputs, type GraphPolicy } from "./policy-parts.ts";

/** Keys and values of the prefixes, `prefixKeys.l` and `prefixValues.l` of each layer: [P·heads, S, size]. */
export function prefillGraph(policy: GraphPolicy, prompts: number, prefix: number): Record<string, Value> {
  const { config } = policy;
  const weights = weightInputs(policy);
  const heads = headsOf(config);
  const count = prompts * prefix;
  const positions = input("positions", [count], "int64");
  const tables = tablesFor(config, prefix);
  const shape = { prompts, prefix, groupSize: 1, completion: 0 };
  const outputs: Record<string, Value> = {};
  let rows = gather(weight(weights, EMBEDDING), input("tokens", [count], "int64"));
  for (let layer = 0; layer < config.layers; layer += 1) {
    const { at, project } = layerWeights(weights, layer);
    const normal = rmsNorm(rows, at("input_layernorm"), config.normEpsilon);
    const asRows = (tokens: Value): Value => prefixRows(tokens, prompts, prefix, heads);
    const keys = asRows(rotary(project(normal, "self_attn.k_proj"), positions, tables));
    const values = asRows(project(normal, "self_attn.v_proj"));
    outputs[`prefixKeys.${layer}`] = keys;
    outputs[`prefixValues.${layer}`] = values;
    const queries = rotary(project(normal, "self_attn.q_proj"), positions, tables);
    const mixed = prefixAttention({ queries, keys, values }, shape, heads);
    const afterAttention = add(rows, project(mixed, "self_attn.o_proj"));
    rows = add(
      afterAttention,
      mlp(rmsNorm(afterAttention, at("post_attention_layernorm"), config.normEpsilon), { project }),
    );
  }
  return outputs;
}

/** How a token is drawn. */
export interface Drawing {
  readonly isGreedy: boolean;
  /** 0 keeps all. */
  readonly topK: number;
  /** 1 keeps all. */
  readonly topP: number;
}

export interface DecodeShape {
  /** P prefixes; where guided, twice the prompts. */
  readonly prompts: number;
  readonly groupSize: number;
  /** S tokens of prefix; may be 0. */
  readonly prefix: number;
  /** Room for past tokens of the completions; those not there yet are masked. May be 0. */
  readonly past: number;
  /** Positions the rotary tables must cover. */
  readonly positions: number;
  /** Indices of the segments that some row draws from now; none where all are forced. */
  readonly drawn: readonly number[];
  /** Prefixes come in pairs, the prompt and then the same without its instruction; both write the same token. */
  readonly isGuided: boolean;
}

/**
 * One step of every row [R = P·G]. Inputs: `tokens`, `positions` [R]; `prefixKeys.l`, `prefixValues.l`,
 * `prefixMask` [P, 1, 1, S]; `pastKeys.l`, `pastValues.l` [past, P·heads·G, size], `pastMask` [past];
 * `uniform` [R, 1], `inverseTemperature`; `head.k` the head's rows of each drawn segment. Outputs: `keys.l`,
 * `values.l`, the step's own rows for the cache; `token.k` [R, 1] int64 (less the segment's start) and
 * `logprob.k` [R, 1]. Guided, there is also `guidance`, and what concerns drawing has R / 2 rows.
 */
export function decodeGraph(
  policy: GraphPolicy,
  shape: DecodeShape,
  segments: readonly Segment[],
  drawing: Drawing,
): Record<string, Value> {
  const { config } = policy;
  const weights = weightInputs(policy);
  const rowCount = shape.prompts * shape.groupSize;
  const positions = input("positions", [rowCount], "int64");
  const tables = tablesFor(config, shape.positions);
  const shared = {
    prefixMask: shape.prefix === 0 ? undefined : input("prefixMask", [shape.prompts, 1, 1, shape.prefix]),
    pastMask: shape.past === 0 ? undefined : input("pastMask", [shape.past]),
  };
  const outputs: Record<string, Value> = {};
  let rows = gather(weight(weights, EMBEDDING), input("tokens", [rowCount], "int64"));
  for (let layer = 0; layer < config.layers; layer += 1) {
    const { at, project } = layerWeights(weights, layer);
    const normal = rmsNorm(rows, at("input_layernorm"), config.normEpsilon);
    const own = {
      queries: rotary(project(normal, "self_attn.q_proj"), positions, tables),
      keys: beside(rotary(project(normal, "self_attn.k_proj"), positions, tables), config, shape),
      values: beside(project(normal, "self_attn.v_proj"), config, shape),
    };
    outputs[`keys.${layer}`] = own.keys;
    outputs[`values.${layer}`] = own.values;
    const mixed = cachedAttention(own, layer, config, { ...shape, ...shared });
    const afterAttention = add(rows, project(mixed, "self_attn.o_proj"));
    rows = add(
      afterAttention,
      mlp(rmsNorm(afterAttention, at("post_attention_layernorm"), config.normEpsilon), { project }),
    );
  }
  if (shape.drawn.length === 0) return outputs;
  const final = rmsNorm(rows, weight(weights, FINAL_NORM), config.normEpsilon);
  return {
    ...outputs,
    ...drawTokens(
      shape.isGuided ? guidedRows(final, shape) : final,
      config,
      shape.drawn.map((index) => [index, segments[index] as Segment]),
      drawing,
    ),
  };
}

/** [P·G, heads·size] to the cache's order of rows, [P·heads·G, size]. */
function beside(tokens: Value, config: PolicyConfig, { prompts, groupSize }: DecodeShape): Value {
  const { keyValueHeads, size } = headsOf(config);
  const split = reshape(tokens, [prompts, groupSize, keyValueHeads, size]);
  return reshape(transpose(split, [0, 2, 1, 3]), [prompts * keyValueHeads * groupSize, size]);
}

interface DecodeMasks extends DecodeShape {
  readonly prefixMask: Value | undefined;
  readonly pastMask: Value | undefined;
}

function cachedAttention(
  own: { readonly queries: Value; readonly keys: Value; readonly values: Value },
  layer: number,
  config: PolicyConfig,
  shape: DecodeMasks,
): Value {
  const { keyValueHeads: K, sharing: g, size } = headsOf(config);
  const { prompts: P, groupSize: G, prefix: S, past: T } = shape;
  const scale = 1 / Math.sqrt(size);
  const queries = transpose(reshape(own.queries, [P, G, K, g, size]), [0, 2, 1, 3, 4]);
  const aRow = reshape(queries, [P * K * G, g, size]);
  const asOne = (rows: Value): Value => reshape(rows, [P * K * G, 1, size]);
  const selfScores = matmul(aRow, asOne(own.keys), { transposeRight: true, scale });
  const parts = [reshape(selfScores, [P, K, G * g, 1])];
  const mix: ((weights: Value) => Value)[] = [
    (weights) => matmul(reshape(weights, [P * K * G, g, 1]), asOne(own.values)),
  ];
  if (shape.pastMask !== undefined) {
    const keys = input(`pastKeys.${layer}`, [T, P * K * G, size]);
    const values = input(`pastValues.${layer}`, [T, P * K * G, size]);
    const scores = matmul(aRow, keys, { transposeRight: true, timeMajorRight: true, scale });
    parts.push(reshape(add(scores, shape.pastMask), [P, K, G * g, T]));
    mix.push((weights) => matmul(reshape(weights, [P * K * G, g, T]), values, { timeMajorRight: true }));
  }
  if (shape.prefixMask !== undefined) {
    const keys = input(`prefixKeys.${layer}`, [P * K, S, size]);
    const values = input(`prefixValues.${layer}`, [P * K, S, size]);
    const scores = matmul(reshape(queries, [P * K, G * g, size]), keys, { transposeRight: true, scale });
    parts.push(add(reshape(scores, [P, K, G * g, S]), shape.prefixMask));
    mix.push((weights) => reshape(matmul(reshape(weights, [P * K, G * g, S]), values), [P * K * G, g, size]));
  }
  const weights = softmax(concat(parts, -1));
  let start = 0;
  const mixed = parts.map((part, index) => {
    const width = part.shape[3] as number;
    const share = slice(weights, -1, start, start + width);
    start += width;
    return (mix[index] as (weights: Value) => Value)(share);
  });
  const total = mixed.reduce((sumSoFar, part) => add(sumSoFar, part));
  return reshape(transpose(reshape(total, [P, K, G, g, size]), [0, 2, 1, 3, 4]), [P * G, K * g * size]);
}

/**
 * Classifier-free guidance (Ho & Salimans 2022, eq. 6): u + G · (c − u) of each pair, [P·G, D] to [P·G / 2, D]. Emu3's
 * code does this to the log-softmax of all logits, before it cuts them to the ids that may follow and divides by the
 * temperature. The head is linear and a row's normaliser is the same for every id, so combining the rows before the
 * head gives the same distribution at half of the head's cost.
 */
function guidedRows(rows: Value, { prompts, groupSize }: DecodeShape): Value {
  const [pairs, width] = [prompts / 2, rows.shape[1] as number];
  const split = reshape(rows, [pairs, 2, groupSize * width]);
  const half = (index: number): Value =>
    reshape(slice(split, 1, index, index + 1), [pairs * groupSize, width]);
  const unconditional = half(1);
  return add(unconditional, multiply(subtract(half(0), unconditional), input("guidance", [])));
}

function drawTokens(
  rows: Value,
  config: PolicyConfig,
  segments: readonly (readonly [number, Segment])[],
  drawing: Drawing,
): Record<string, Value> {
  const count = rows.shape[0] as number;
  const [uniform, inverseTemperature] = [input("uniform", [count, 1]), input("inverseTemperature", [])];
  return Object.fromEntries(
    segments.flatMap(([index, segment]) => {
      const head = input(`head.${index}`, [segment.end - segment.start, config.hiddenSize]);
      const logprobs = logSoftmax(segmentLogits(rows, head, segment, inverseTemperature));
      const token = draw(logprobs, uniform, drawing);
      return [
        [`token.${index}`, token],
        [`logprob.${index}`, gatherLast(logprobs, token)],
      ];
    }),
  );
}

/** One index a row from [R, V] log-probabilities: inverse of the cumulative distribution at a uniform number. */
function draw(logprobs: Value, uniform: Value, { isGreedy, topK, topP }: Drawing): Value {
  const choices = logprobs.shape[1] as number;
  if (isGreedy) return largest(logprobs, 1);
  if (topK === 0 && topP === 1) return invert(exp(logprobs), uniform);

  // In falling order, so that "the likeliest k" and "the likeliest that reach p" are both a beginning.
  const order = largest(logprobs, topK === 0 ? choices : Math.min(topK, choices));
  const sorted = exp(gatherLast(logprobs, order));
  const before = subtract(cumulativeSum(sorted), sorted);
  const limit = multiply(sum(sorted, [-1], true), scalar(topP));
  const kept = topP === 1 ? sorted : where(less(before, limit), sorted, scalar(0));
  return gatherLast(order, invert(kept, uniform));
}

/** How many running sums of [R, V] weights lie at or below uniform · total: int64 [R, 1], never an index of weight 0. */
function invert(weights: Value, uniform: Value): Value {
  const running = cumulativeSum(weights);
  const total = max(running, [-1]);
  const passed = sum(cast(lessOrEqual(running, multiply(total, uniform)), "float32"), [-1], true);
  // A rounded product may reach the total itself; the last weight that counts is then the answer.
  const last = sum(cast(less(running, total), "float32"), [-1], true);
  return cast(minimum(passed, last), "int64");
}
