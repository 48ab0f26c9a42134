/**
 * Layers of a vision or text transformer (Vaswani et al. 2017; Dosovitskiy et al. 2021), normalised before each part:
 * for inference alone. Names of parameters differ between models and are theirs to say.
 */

import { affine } from "../tensor/ops/affine.ts";
import { multiHeadAttention } from "../tensor/ops/attention.ts";
import { add, multiply, sigmoid } from "../tensor/ops/elementwise.ts";
import { gelu } from "../tensor/ops/gelu.ts";
import { layerNorm } from "../tensor/ops/layer-norm.ts";
import { scalar } from "../tensor/ops/leaves.ts";
import { linear } from "../tensor/ops/matmul.ts";
import { reshape, slice } from "../tensor/ops/shape.ts";
import type { Shape, Value } from "../tensor/value.ts";

/** Activations by transformers' names. */
export const ACTIVATIONS = {
  /** x · sigmoid(1.702 x), as CLIP was trained. */
  quick_gelu: (x: Value): Value => multiply(x, sigmoid(multiply(x, scalar(1.702)))),
  gelu,
} as const satisfies Record<string, (x: Value) => Value>;
export type Activation = keyof typeof ACTIVATIONS;

/** Asks for a parameter by its published name. */
export type Parameters = (name: string, shape: Shape) => Value;

export interface TransformerConfig {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Width inside the MLP. */
  readonly inner: number;
  readonly activation: Activation;
  readonly epsilon: number;
}

/** What the parts of a layer are called, after the layer's own prefix. */
export interface LayerNames {
  readonly layer: (index: number) => string;
  readonly norms: readonly [attention: string, mlp: string];
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly mlp: readonly [up: string, down: string];
  /** Whether queries, keys and values have a bias. */
  readonly attentionBias: boolean;
}

/** Normalises the last axis with the scale and shift of these names. */
export function normed(parameters: Parameters, name: string, x: Value, epsilon: number): Value {
  const width = [x.shape.at(-1)!];
  return layerNorm(x, {
    weight: parameters(`${name}.weight`, width),
    bias: parameters(`${name}.bias`, width),
    epsilon,
  });
}

/** x · weightᵀ for rows [N, I]. */
function product(parameters: Parameters, name: string, x: Value, outputs: number): Value {
  return linear(x, parameters(`${name}.weight`, [outputs, x.shape.at(-1)!]));
}

/** x · weightᵀ + bias for rows [N, I]. */
function dense(parameters: Parameters, name: string, x: Value, outputs: number): Value {
  const weight = parameters(`${name}.weight`, [outputs, x.shape.at(-1)!]);
  return affine(x, weight, parameters(`${name}.bias`, [outputs]));
}

interface Layers {
  readonly config: TransformerConfig;
  readonly names: LayerNames;
  /** Whether no place sees later ones. */
  readonly isCausal: boolean;
}

/** All layers over `x` [B, T, width]. */
export function transformer(parameters: Parameters, layers: Layers, x: Value): Value {
  let rows = x;
  for (let index = 0; index < layers.config.layers; index += 1)
    rows = layer(parameters, layers, { index }, rows);
  return rows;
}

/**
 * The first place after all layers over `x` [B, T, width]: [B, width]. Nobody asks what the last layer makes of the
 * other places, so of them it only has keys and values.
 */
export function firstOfTransformer(parameters: Parameters, layers: Layers, x: Value): Value {
  const last = layers.config.layers - 1;
  const before = transformer(parameters, { ...layers, config: { ...layers.config, layers: last } }, x);
  return reshape(layer(parameters, layers, { index: last, asked: 1 }, before), [x.shape[0]!, x.shape[2]!]);
}

interface Which {
  readonly index: number;
  /** Only so many first places are asked for; all unless given. */
  readonly asked?: number;
}

/** A layer over `x` [B, T, width]: [B, asked, width]. */
function layer(parameters: Parameters, layers: Layers, { index, asked }: Which, x: Value): Value {
  const { config, names } = layers;
  const [batch, places, width] = x.shape as [number, number, number];
  const at = names.layer(index);
  const [attentionNorm, mlpNorm] = names.norms;
  const seen = normed(parameters, `${at}.${attentionNorm}`, x, config.epsilon);
  const count = asked ?? places;
  const first = (all: Value): Value => (count === places ? all : slice(all, 1, 0, count));
  const rows = (all: Value): Value => reshape(all, [batch * count, width]);
  const mixed = attention(parameters, { at, layers }, { asking: first(seen), seen });
  const after = add(rows(first(x)), dense(parameters, `${at}.${names.output}`, rows(mixed), width));
  const [up, down] = names.mlp;
  const calm = normed(parameters, `${at}.${mlpNorm}`, after, config.epsilon);
  const wide = ACTIVATIONS[config.activation](dense(parameters, `${at}.${up}`, calm, config.inner));
  return reshape(add(after, dense(parameters, `${at}.${down}`, wide, width)), [batch, count, width]);
}

/** Some places of a row to every one of it (Vaswani et al. 2017, eq. 1): [B, asking, width] and [B, T, width]. */
function attention(
  parameters: Parameters,
  { at, layers: { config, names, isCausal } }: { readonly at: string; readonly layers: Layers },
  { asking, seen }: { readonly asking: Value; readonly seen: Value },
): Value {
  const { width, heads } = config;
  const project = names.attentionBias ? dense : product;
  const projected = (name: string, x: Value): Value => {
    const [batch, places] = x.shape as [number, number, number];
    const rows = project(parameters, `${at}.${name}`, reshape(x, [batch * places, width]), width);
    return reshape(rows, [batch, places, width]);
  };
  return multiHeadAttention(
    {
      query: projected(names.query, asking),
      key: projected(names.key, seen),
      value: projected(names.value, seen),
    },
    { heads, isCausal },
  );
}
