/**
 * Emu3's decoder as a graph (pre-norm, RMSNorm, rotary embedding, grouped-query attention, SwiGLU), over a batch
 * of groups: every linear map sees the tokens of prompts and completions in one product, only attention tells
 * them apart.
 */

import type { PolicyConfig } from "../../policy/config.ts";
import { EMBEDDING, FINAL_NORM, HEAD } from "../../policy/parameters.ts";
import { add } from "../../tensor/ops/elementwise.ts";
import { gather } from "../../tensor/ops/gather.ts";
import { gated } from "../../tensor/ops/gated.ts";
import { input } from "../../tensor/ops/leaves.ts";
import { linear } from "../../tensor/ops/matmul.ts";
import { rmsNorm } from "../../tensor/ops/normalize.ts";
import type { RotaryTables } from "../../tensor/ops/rotary.ts";
import { rotary, rotaryTables } from "../../tensor/ops/rotary.ts";
import { concat, slice } from "../../tensor/ops/shape.ts";
import { recomputed } from "../../tensor/recompute.ts";
import type { Value } from "../../tensor/value.ts";
import type { AttentionPlan, AttentionTokens, GroupShape, Prefix, PromptBlock } from "./attention.ts";
import { attentionPlan, completionAttention, prefixAttention, prefixRows } from "./attention.ts";
import { adapterNames, type Weights } from "./policy-parts.ts";

export function weight(weights: Weights, name: string): Value {
  const value = weights.get(name);
  if (value === undefined) throw new Error(`The policy has no parameter ${name}.`);
  return value;
}

/** The parameter that is the head's weight: its own, or the embedding where they are tied. */
export function headName(config: PolicyConfig): string {
  return config.tieEmbeddings ? EMBEDDING : HEAD;
}

/** The head's weight [V, D]. */
export function headWeight(config: PolicyConfig, weights: Weights): Value {
  return weight(weights, headName(config));
}

/** One layer's parameters by short name. */
export interface LayerWeights {
  /** A parameter itself. */
  readonly at: (name: string) => Value;
  /** A linear map of rows: rows · Wᵀ, and rows · Aᵀ · Bᵀ beside it where the projection is adapted. */
  readonly project: (rows: Value, name: string) => Value;
}

export function layerWeights(weights: Weights, layer: number): LayerWeights {
  const nameOf = (name: string): string => `model.layers.${layer}.${name}.weight`;
  return {
    at: (name) => weight(weights, nameOf(name)),
    project: (rows, name) => {
      const mapped = linear(rows, weight(weights, nameOf(name)));
      const { a, b } = adapterNames(nameOf(name));
      return weights.has(a)
        ? add(mapped, linear(linear(rows, weight(weights, a)), weight(weights, b)))
        : mapped;
    },
  };
}

/** Tables for so many positions, since a graph stores only what its batch can reach; what they rotate is scaled. */
export function tablesFor(config: PolicyConfig, positions: number, scale = 1): RotaryTables {
  return rotaryTables(positions, config.headSize, config.ropeTheta, scale);
}

/** SwiGLU: down(silu(gate(x)) · up(x)) (Shazeer 2020). */
export function mlp(rows: Value, { project }: Pick<LayerWeights, "project">): Value {
  return project(gated(project(rows, "mlp.gate_proj"), project(rows, "mlp.up_proj")), "mlp.down_proj");
}

export interface TokenInputs {
  /** int64 [P·S + P·G·T]: prefixes first, then completions. */
  readonly tokens: Value;
  /** Their positions, likewise. */
  readonly positions: Value;
  /** 0 or MASKED, [P, 1, 1, S]; absent where S is 0. */
  readonly prefixMask: Value | undefined;
}

export function tokenInputs(shape: GroupShape): TokenInputs {
  const count = shape.prompts * (shape.prefix + shape.groupSize * shape.completion);
  return {
    tokens: input("tokens", [count], "int64"),
    positions: input("positions", [count], "int64"),
    prefixMask: shape.prefix === 0 ? undefined : input("prefixMask", [shape.prompts, 1, 1, shape.prefix]),
  };
}

export interface ForwardOptions {
  /** Compute each layer again in the backward pass. */
  readonly recompute?: boolean;
}

/** Final hidden states of the completion tokens, [P·G·T, D], normalised and ready for the head. */
export function forwardGroups(
  config: PolicyConfig,
  weights: Weights,
  shape: GroupShape,
  options: ForwardOptions = {},
): { readonly hidden: Value; readonly inputs: TokenInputs } {
  const inputs = tokenInputs(shape);
  const tables = tablesFor(config, shape.prefix + shape.completion + 1);
  const plan = attentionPlan(config, shape);
  let rows = gather(weight(weights, EMBEDDING), inputs.tokens);
  for (let layer = 0; layer < config.layers; layer += 1) {
    const isLast = layer === config.layers - 1;
    const names = [...weights.keys()].filter((name) => name.startsWith(`model.layers.${layer}.`));
    const build = (...operands: Value[]): Value => {
      const own = new Map(names.map((name, index) => [name, operands[index + 1] as Value]));
      return decoderLayer(operands[0] as Value, layerWeights(own, layer), {
        config,
        plan,
        inputs,
        tables,
        isLast,
      });
    };
    const operands = [rows, ...names.map((name) => weight(weights, name))];
    rows = options.recompute === true ? recomputed(operands, build) : build(...operands);
  }
  return { hidden: rmsNorm(rows, weight(weights, FINAL_NORM), config.normEpsilon), inputs };
}

interface LayerContext {
  readonly config: PolicyConfig;
  readonly plan: AttentionPlan;
  readonly inputs: TokenInputs;
  readonly tables: RotaryTables;
  /** In the last layer nothing reads the prefix's own states, so only its keys and values are computed. */
  readonly isLast: boolean;
}

function decoderLayer(rows: Value, layer: LayerWeights, context: LayerContext): Value {
  const { at, project } = layer;
  const { config, plan, inputs, tables, isLast } = context;
  const { shape } = plan;
  const prefixCount = shape.prompts * shape.prefix;
  const total = rows.shape[0] as number;
  const ofCompletions = (tokens: Value): Value => slice(tokens, 0, prefixCount, total);

  const normal = rmsNorm(rows, at("input_layernorm"), config.normEpsilon);
  const keys = rotary(project(normal, "self_attn.k_proj"), inputs.positions, tables);
  const values = project(normal, "self_attn.v_proj");
  const [asking, askingPositions] = isLast
    ? [ofCompletions(normal), ofCompletions(inputs.positions)]
    : [normal, inputs.positions];
  const queries = rotary(project(asking, "self_attn.q_proj"), askingPositions, tables);

  const parts = plan.blocks.map((block) =>
    attendBlock({ queries, keys, values }, block, plan, { inputs, isLast }),
  );
  const mixed = concat(
    [...parts.flatMap(({ prefix }) => prefix ?? []), ...parts.map(({ completions }) => completions)],
    0,
  );

  const afterAttention = add(isLast ? ofCompletions(rows) : rows, project(mixed, "self_attn.o_proj"));
  return add(
    afterAttention,
    mlp(rmsNorm(afterAttention, at("post_attention_layernorm"), config.normEpsilon), layer),
  );
}

interface BlockAttention {
  /** [prompts·S, heads·size]; absent where nothing reads it. */
  readonly prefix: Value | undefined;
  /** [prompts·G·T, heads·size] */
  readonly completions: Value;
}

/** Attention of some prompts and their completions, from the rows of all: prefixes first, then completions. */
function attendBlock(
  { queries, keys, values }: AttentionTokens,
  { start, prompts }: PromptBlock,
  plan: AttentionPlan,
  { inputs, isLast }: Pick<LayerContext, "inputs" | "isLast">,
): BlockAttention {
  const { shape, heads } = plan;
  const [S, T] = [shape.prefix, shape.groupSize * shape.completion];
  const own = { ...plan, shape: { ...shape, prompts } };
  const ofPrefix = (tokens: Value): Value => slice(tokens, 0, start * S, (start + prompts) * S);
  const ofCompletions = (tokens: Value, before = shape.prompts * S): Value =>
    slice(tokens, 0, before + start * T, before + (start + prompts) * T);

  const prefix = ((): Prefix | undefined => {
    if (inputs.prefixMask === undefined) return undefined;
    const asRows = (tokens: Value): Value => prefixRows(ofPrefix(tokens), prompts, S, heads);
    const mask = slice(inputs.prefixMask, 0, start, start + prompts);
    return { keys: asRows(keys), values: asRows(values), mask };
  })();
  const completions = completionAttention(
    {
      queries: isLast ? ofCompletions(queries, 0) : ofCompletions(queries),
      keys: ofCompletions(keys),
      values: ofCompletions(values),
    },
    prefix,
    own,
  );
  return {
    completions,
    prefix:
      isLast || prefix === undefined
        ? undefined
        : prefixAttention({ ...prefix, queries: ofPrefix(queries) }, own),
  };
}
