/** A vision transformer as transformers' ViTModel (DINO's teachers: Caron et al. 2021): its first row is the vector. */

import type { Value } from "../tensor/value.ts";
import { patchRows } from "./patch-rows.ts";
import { firstOfTransformer, normed, type LayerNames, type Parameters } from "./transformer.ts";
import type { VitConfig } from "./vit-config.ts";

const NAMES: Omit<LayerNames, "attentionBias"> = {
  layer: (index) => `encoder.layer.${index}`,
  norms: ["layernorm_before", "layernorm_after"],
  query: "attention.attention.query",
  key: "attention.attention.key",
  value: "attention.attention.value",
  output: "attention.output.dense",
  mlp: ["intermediate.dense", "output.dense"],
};

/** Pixels [B, 3, side, side], normalised, as vectors [B, width]. */
export function vitVectors(config: VitConfig, parameters: Parameters, pixels: Value): Value {
  const { width, patch } = config;
  const at = "embeddings.patch_embeddings.projection";
  const rows = patchRows(pixels, {
    patch,
    weight: parameters(`${at}.weight`, [width, 3, patch, patch]),
    bias: parameters(`${at}.bias`, [width]),
    first: parameters("embeddings.cls_token", [1, 1, width]),
    positions: (count) => parameters("embeddings.position_embeddings", [1, count, width]),
  });
  const names = { ...NAMES, attentionBias: config.attentionBias };
  const first = firstOfTransformer(parameters, { config, names, isCausal: false }, rows);
  return normed(parameters, "layernorm", first, config.epsilon);
}
