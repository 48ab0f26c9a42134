/**
 * Layers of a vision or text transformer (Vaswani et al. 2017; Dosovitskiy et al. 2021), normalised before each part:
 * for inference alone. Names of parameters differ between models and are theirs to say.
 */

import { causalMask } from "./causal-mask.ts";
import { add, multiply, sigmoid } from "../tensor/ops/elementwise.ts";
import { gelu } from "../tensor/ops/gelu.ts";
import { layerNorm } from "../tensor/ops/layer-norm.ts";
import { scalar } from "../tensor/ops/leaves.ts";
import { linear, matmul } from "../tensor/ops/matmul.ts";
import { softmax } from "../tensor/ops/normalize.ts";
import { reshape, transpose } from "../tensor/ops/shape.ts";
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
  return add(product(parameters, name, x, outputs), parameters(`${name}.bias`, [outputs]));
}

/** All layers over `x` [B, T, width]; causal ones see no later place. */
export function transformer(
  parameters: Parameters,
  { config, names, isCausal }: { config: TransformerConfig; names: LayerNames; isCausal: boolean },
  x: Value,
): Value {
  const [batch, places, width] = x.shape as [number, number, number];
  const mask = isCausal ? causalMask(places) : undefined;
  const activate = ACTIVATIONS[config.activation];
  let rows = reshape(x, [batch * places, width]);
  for (let index = 0; index < config.layers; index += 1) {
    const at = names.layer(index);
    const [attentionNorm, mlpNorm] = names.norms;
    const seen = normed(parameters, `${at}.${attentionNorm}`, rows, config.epsilon);
    rows = add(rows, attention(parameters, { at, names, config, mask, batch }, seen));
    const [up, down] = names.mlp;
    const calm = normed(parameters, `${at}.${mlpNorm}`, rows, config.epsilon);
    const wide = activate(dense(parameters, `${at}.${up}`, calm, config.inner));
    rows = add(rows, dense(parameters, `${at}.${down}`, wide, width));
  }
  return reshape(rows, [batch, places, width]);
}

interface AttentionParts {
  readonly at: string;
  readonly names: LayerNames;
  readonly config: TransformerConfig;
  readonly mask: Value | undefined;
  readonly batch: number;
}

/** Every place of a row to every other (Vaswani et al. 2017, eq. 1), for rows [B · T, width]. */
function attention(
  parameters: Parameters,
  { at, names, config: { width, heads }, mask, batch }: AttentionParts,
  rows: Value,
): Value {
  const places = rows.shape[0]! / batch;
  const size = width / heads;
  const project = names.attentionBias ? dense : product;
  const split = (name: string): Value =>
    transpose(
      reshape(project(parameters, `${at}.${name}`, rows, width), [batch, places, heads, size]),
      [0, 2, 1, 3],
    );
  const scores = matmul(split(names.query), split(names.key), {
    transposeRight: true,
    scale: 1 / Math.sqrt(size),
  });
  const shares = softmax(mask === undefined ? scores : add(scores, mask));
  const mixed = transpose(matmul(shares, split(names.value)), [0, 2, 1, 3]);
  return dense(parameters, `${at}.${names.output}`, reshape(mixed, [batch * places, width]), width);
}
