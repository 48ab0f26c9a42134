/** CLIP's config.json; what it leaves out is as in openai/clip-vit-base-patch32, transformers' own default. */

import { join } from "node:path";
import { z } from "zod";

import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "../policy/published-file.ts";
import { ACTIVATIONS, type TransformerConfig } from "./transformer.ts";
import { requireHeads } from "./require-heads.ts";

export type TowerConfig = TransformerConfig;

export interface ClipConfig {
  /** Length of the vectors. */
  readonly projection: number;
  readonly vision: TransformerConfig & { readonly side: number; readonly patch: number };
  readonly text: TransformerConfig & {
    readonly vocabulary: number;
    /** Ids that are read at most. */
    readonly places: number;
    /** Undefined where the highest id of a text is its end, as transformers reads configs older than its fix. */
    readonly end: number | undefined;
  };
}

/** transformers takes this id, which no end token has, as the mark of a config that says it wrongly. */
const WRONG_END = 2;

const size = z.int().min(1).max(1_000_000);
const activation = z.enum(Object.keys(ACTIVATIONS) as [keyof typeof ACTIVATIONS]).default("quick_gelu");
const tower = {
  layer_norm_eps: z.number().positive().default(1e-5),
  hidden_act: activation,
};
const Vision = z.looseObject({
  ...tower,
  hidden_size: size.default(768),
  intermediate_size: size.default(3072),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  num_channels: z.literal(3).default(3),
  image_size: size.default(224),
  patch_size: size.default(32),
});
const Text = z.looseObject({
  ...tower,
  hidden_size: size.default(512),
  intermediate_size: size.default(2048),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(8),
  vocab_size: size.default(49_408),
  max_position_embeddings: size.default(77),
  eos_token_id: z.int().min(0).default(49_407),
});
const ClipFile = z.looseObject({
  model_type: z.literal("clip"),
  projection_dim: size.default(512),
  vision_config: Vision.prefault({}),
  text_config: Text.prefault({}),
});

/** Reads a directory's config. Throws CheckpointError where it is missing or not CLIP's. */
export async function readClipConfig(directory: string): Promise<ClipConfig> {
  const path = join(directory, "config.json");
  const parsed = ClipFile.safeParse(
    await readJsonFile(path, "Give the folder of a CLIP as transformers saves it."),
  );
  if (!parsed.success) {
    throw new CheckpointError(`${path} is not the config of a CLIP: ${z.prettifyError(parsed.error)}`, {
      hint: "Give the folder of a CLIP as transformers saves it, openai/clip-vit-base-patch32 for example.",
      cause: parsed.error,
    });
  }
  const { projection_dim, vision_config: vision, text_config: text } = parsed.data;
  const shared = (of: z.infer<typeof Vision> | z.infer<typeof Text>): TransformerConfig => ({
    width: of.hidden_size,
    layers: of.num_hidden_layers,
    heads: of.num_attention_heads,
    inner: of.intermediate_size,
    activation: of.hidden_act,
    epsilon: of.layer_norm_eps,
  });
  requireHeads(shared(vision), path);
  requireHeads(shared(text), path);
  return {
    projection: projection_dim,
    vision: { ...shared(vision), side: vision.image_size, patch: vision.patch_size },
    text: {
      ...shared(text),
      vocabulary: text.vocab_size,
      places: text.max_position_embeddings,
      end: text.eos_token_id === WRONG_END ? undefined : text.eos_token_id,
    },
  };
}
