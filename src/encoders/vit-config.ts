/** The config.json of a ViT; what it leaves out is as in transformers' ViTConfig. */

import { join } from "node:path";
import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "../policy/published-file.ts";
import { requireHeads } from "./require-heads.ts";
import { ACTIVATIONS, type TransformerConfig } from "./transformer.ts";

export interface VitConfig extends TransformerConfig {
  /** Side of the pictures, in pixels. */
  readonly side: number;
  readonly patch: number;
  readonly attentionBias: boolean;
}

const size = z.int().min(1).max(1_000_000);
const VitFile = z.looseObject({
  model_type: z.literal("vit"),
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3).default(3),
  image_size: size.default(224),
  patch_size: size.default(16),
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: z.enum(Object.keys(ACTIVATIONS) as [keyof typeof ACTIVATIONS]).default("gelu"),
  qkv_bias: z.boolean().default(true),
});

/** Reads a directory's config. Throws CheckpointError where it is missing or not a ViT's. */
export async function readVitConfig(directory: string): Promise<VitConfig> {
  const path = join(directory, "config.json");
  const parsed = VitFile.safeParse(
    await readJsonFile(path, "Give the folder of a ViT as transformers saves it."),
  );
  if (!parsed.success) {
    throw new CheckpointError(`${path} is not the config of a ViT: ${z.prettifyError(parsed.error)}`, {
      hint: "Give the folder of a ViT as transformers saves it, facebook/dino-vits16 for example.",
      cause: parsed.error,
    });
  }
  const file = parsed.data;
  const config: VitConfig = {
    width: file.hidden_size,
    layers: file.num_hidden_layers,
    heads: file.num_attention_heads,
    inner: file.intermediate_size,
    activation: file.hidden_act,
    epsilon: file.layer_norm_eps,
    side: file.image_size,
    patch: file.patch_size,
    attentionBias: file.qkv_bias,
  };
  requireHeads(config, path);
  return config;
}
