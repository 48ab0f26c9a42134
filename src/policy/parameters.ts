/**
 * The parameters of a policy by transformers' names, with their shapes, and fresh values for them.
 * A matrix is [output, input], as torch's Linear stores it: y = x · Wᵀ.
 */

import { Rng } from "../random.ts";
import type { PolicyConfig } from "./config.ts";

export interface ParameterShape {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface InitialValues {
  /** Standard deviation of the token embeddings. */
  readonly embeddingStd: number;
  /** Standard deviation of every other matrix. */
  readonly weightStd: number;
  readonly seed: number;
}

export const EMBEDDING = "model.embed_tokens.weight";
export const FINAL_NORM = "model.norm.weight";
export const HEAD = "lm_head.weight";

/** The projections of a layer, in the order the forward pass needs them: the ones LoRA can adapt. */
export const PROJECTIONS = [
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.o_proj",
  "mlp.gate_proj",
  "mlp.up_proj",
  "mlp.down_proj",
] as const;

export type Projection = (typeof PROJECTIONS)[number];

/** Shape of a layer's projection, [output, input]. */
export function projectionShape(config: PolicyConfig, projection: Projection): readonly [number, number] {
  const { hiddenSize, intermediateSize, headSize } = config;
  switch (projection) {
    case "self_attn.q_proj":
      return [config.heads * headSize, hiddenSize];
    case "self_attn.k_proj":
    case "self_attn.v_proj":
      return [config.keyValueHeads * headSize, hiddenSize];
    case "self_attn.o_proj":
      return [hiddenSize, config.heads * headSize];
    case "mlp.gate_proj":
    case "mlp.up_proj":
      return [intermediateSize, hiddenSize];
    case "mlp.down_proj":
      return [hiddenSize, intermediateSize];
    default:
      return projection satisfies never;
  }
}

/** Every parameter in the order of the forward pass. A tied policy has no `lm_head.weight`. */
export function parameterShapes(config: PolicyConfig): ParameterShape[] {
  const { vocabularySize, hiddenSize } = config;
  const shapes: ParameterShape[] = [{ name: EMBEDDING, shape: [vocabularySize, hiddenSize] }];
  for (let layer = 0; layer < config.layers; layer += 1) {
    const prefix = `model.layers.${layer}.`;
    shapes.push({ name: `${prefix}input_layernorm.weight`, shape: [hiddenSize] });
    for (const projection of PROJECTIONS) {
      if (projection === "mlp.gate_proj") {
        shapes.push({ name: `${prefix}post_attention_layernorm.weight`, shape: [hiddenSize] });
      }
      shapes.push({ name: `${prefix}${projection}.weight`, shape: projectionShape(config, projection) });
    }
  }
  shapes.push({ name: FINAL_NORM, shape: [hiddenSize] });
  if (!config.tieEmbeddings) shapes.push({ name: HEAD, shape: [vocabularySize, hiddenSize] });
  return shapes;
}

/** Values in a tensor of this shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Parameters of the whole policy, embeddings and head included: 8,492,011,520 for the published Emu3. */
export function parameterCount(config: PolicyConfig): number {
  return parameterShapes(config).reduce((count, { shape }) => count + sizeOf(shape), 0);
}

/**
 * Fresh parameters: matrices normal around 0, norms 1, the padding id's embedding 0. As transformers starts Emu3 and
 * LLaMA, the projections back into the residual stream are not scaled down by 1/√(2 · layers): that is GPT-2's habit
 * (Radford et al. 2019, section 2.3), and RMSNorm before every product makes it matter little at few layers.
 * A tensor's values depend on the seed and its name alone.
 */
export function initialParameters(config: PolicyConfig, values: InitialValues): Map<string, Float32Array> {
  const parameters = new Map<string, Float32Array>();
  for (const { name, shape } of parameterShapes(config)) {
    const tensor = new Float32Array(sizeOf(shape));
    if (shape.length === 1) tensor.fill(1);
    else
      fillNormal(
        tensor,
        name === EMBEDDING ? values.embeddingStd : values.weightStd,
        Rng.from(values.seed, "parameter", name),
      );
    if (name === EMBEDDING && config.padId !== null) {
      tensor.fill(0, config.padId * config.hiddenSize, (config.padId + 1) * config.hiddenSize);
    }
    parameters.set(name, tensor);
  }
  return parameters;
}

function fillNormal(tensor: Float32Array, std: number, rng: Rng): void {
  for (let index = 0; index < tensor.length; index += 1) tensor[index] = rng.normal() * std;
}
