/** CLIP's two towers (Radford et al. 2021) as graphs, by the names that transformers publishes them under. */

import type { ClipConfig, TowerConfig } from "./clip-config.ts";
import { firstOfTransformer, normed, transformer, type LayerNames, type Parameters } from "./transformer.ts";
import { add } from "../tensor/ops/elementwise.ts";
import { gather } from "../tensor/ops/gather.ts";
import { linear } from "../tensor/ops/matmul.ts";
import { reshape, slice } from "../tensor/ops/shape.ts";
import type { Value } from "../tensor/value.ts";
import { patchRows } from "./patch-rows.ts";

/** Half of the model: `pixels` or `ids` go in, vectors come out. */
export type ClipTower = "vision" | "text";

function namesOf(tower: ClipTower): LayerNames {
  return {
    layer: (index) => `${tower}_model.encoder.layers.${index}`,
    norms: ["layer_norm1", "layer_norm2"],
    query: "self_attn.q_proj",
    key: "self_attn.k_proj",
    value: "self_attn.v_proj",
    output: "self_attn.out_proj",
    mlp: ["mlp.fc1", "mlp.fc2"],
    attentionBias: true,
  };
}

/** Pixels [B, 3, side, side], normalised, as vectors [B, projection]. */
export function clipVision(config: ClipConfig, parameters: Parameters, pixels: Value): Value {
  const { vision } = config;
  const { width } = vision;
  const rows = patchRows(pixels, {
    patch: vision.patch,
    weight: parameters("vision_model.embeddings.patch_embedding.weight", [
      width,
      3,
      vision.patch,
      vision.patch,
    ]),
    first: parameters("vision_model.embeddings.class_embedding", [width]),
    positions: (count) => parameters("vision_model.embeddings.position_embedding.weight", [count, width]),
  });
  // Its name is published with the slip in it.
  const begun = normed(parameters, "vision_model.pre_layrnorm", rows, vision.epsilon);
  const names = namesOf("vision");
  const first = firstOfTransformer(parameters, { config: vision, names, isCausal: false }, begun);
  const pooled = normed(parameters, "vision_model.post_layernorm", first, vision.epsilon);
  return linear(pooled, parameters("visual_projection.weight", [config.projection, width]));
}

/**
 * Ids [B, T] int64 as vectors [B, projection]: what the tower says at the end token, whose row among [B · T] `ends`
 * [B] int64 name. What follows it is not seen.
 */
export function clipText(
  config: ClipConfig,
  parameters: Parameters,
  { ids, ends }: { readonly ids: Value; readonly ends: Value },
): Value {
  const { text } = config;
  const [batch, places] = ids.shape as [number, number];
  const { width } = text;
  const table = parameters("text_model.embeddings.token_embedding.weight", [text.vocabulary, width]);
  const positions = parameters("text_model.embeddings.position_embedding.weight", [text.places, width]);
  const begun = add(gather(table, ids), reshape(slice(positions, 0, 0, places), [1, places, width]));
  const last = transformer(
    parameters,
    { config: text satisfies TowerConfig, names: namesOf("text"), isCausal: true },
    begun,
  );
  const atEnd = gather(reshape(last, [batch * places, width]), ends);
  const pooled = normed(parameters, "text_model.final_layer_norm", atEnd, text.epsilon);
  return linear(pooled, parameters("text_projection.weight", [config.projection, width]));
}
