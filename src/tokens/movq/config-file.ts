/**
 * A MoVQ config read from config.json. Three layouts are read: the vision tokenizer as published (`Emu3VisionVQ`),
 * transformers' own (`emu3_vqgan`), and the one inside `Emu3ForConditionalGeneration` (`emu3`, under `vq_config`).
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../../errors.ts";
import { harmlessKeys } from "../../policy/config-keys.ts";
import { readJsonFile } from "../../policy/published-file.ts";
import { EMU3_MOVQ_CONFIG, movqMisfits, stageChannels, type MovqConfig } from "./config.ts";

export interface MovqConfigFile {
  readonly config: MovqConfig;
  /** True where the weights lie beside a language model's, under `vqmodel.` or `model.vqmodel.`. */
  readonly isNested: boolean;
}

const MISSING = "Give the directory of a vision tokenizer: it holds config.json beside the weights.";

/** Several times what Emu3's has: a damaged file is found before anything is laid out for it. */
const MOST = { stages: 8, blocks: 64, frames: 64, channels: 2 ** 14, codes: 2 ** 24 } as const;

const size = (most: number): z.ZodInt => z.int().min(1).max(most);
const stages = z.array(z.int().min(0).max(MOST.stages)).max(MOST.stages);
const multipliers = z.array(size(MOST.channels)).min(1).max(MOST.stages);

const SharedKeys = {
  codebook_size: size(MOST.codes).default(EMU3_MOVQ_CONFIG.codebookSize),
  embed_dim: size(MOST.channels).default(EMU3_MOVQ_CONFIG.latentChannels),
  in_channels: size(MOST.channels).default(EMU3_MOVQ_CONFIG.inputChannels),
  out_channels: size(MOST.channels).default(EMU3_MOVQ_CONFIG.outputChannels),
  temporal_downsample_factor: size(MOST.frames).default(EMU3_MOVQ_CONFIG.temporalFactor),
  num_res_blocks: size(MOST.blocks).default(EMU3_MOVQ_CONFIG.resBlocks),
  attn_resolutions: stages.nullable().default([...EMU3_MOVQ_CONFIG.attentionStages]),
};

/** A second half of the latent, for a variance, which neither system's quantiser can take. */
const single = z.literal(false, "only false is supported").default(false);

const OriginalKeys = z.strictObject({
  ...SharedKeys,
  z_channels: size(MOST.channels).default(EMU3_MOVQ_CONFIG.latentChannels),
  double_z: single,
  ch: size(MOST.channels).default(EMU3_MOVQ_CONFIG.baseChannels),
  ch_mult: multipliers.default([...EMU3_MOVQ_CONFIG.multipliers]),
  dropout: z.number().default(0),
});

const TransformersKeys = z.strictObject({
  ...SharedKeys,
  latent_channels: size(MOST.channels).default(EMU3_MOVQ_CONFIG.latentChannels),
  double_latent: single,
  base_channels: size(MOST.channels).default(EMU3_MOVQ_CONFIG.baseChannels),
  channel_multiplier: multipliers.default([...EMU3_MOVQ_CONFIG.multipliers]),
  hidden_size: size(MOST.channels).default(1024),
  num_attention_heads: size(MOST.channels).default(1),
  attention_dropout: z.number().default(0),
});

/**
 * Whether DIR/config.json describes a MoVQ, alone or beside a language model. False where there is none; throws
 * CheckpointError for one that cannot be read.
 */
export async function hasMovqConfig(directory: string): Promise<boolean> {
  const file = join(directory, "config.json");
  return existsSync(file) && sectionOf(await readJsonFile(file, MISSING)) !== undefined;
}

/** Reads DIR/config.json. Throws CheckpointError, all faults in one, where it is not there or describes no MoVQ. */
export async function readMovqConfig(directory: string): Promise<MovqConfigFile> {
  const file = join(directory, "config.json");
  return parseMovqConfig(await readJsonFile(file, MISSING), file);
}

/** The same for a config.json that is parsed already; `file` names it in errors. */
export function parseMovqConfig(json: unknown, file: string): MovqConfigFile {
  const section = sectionOf(json);
  if (section === undefined) {
    throw new CheckpointError(`${file} describes no MoVQ vision tokenizer.`, {
      hint: "model_type must be Emu3VisionVQ, emu3_vqgan or emu3.",
    });
  }
  const keys = Object.fromEntries(
    Object.entries(section.keys).filter(([key]) => !BOOK_KEEPING.has(key) && !harmlessKeys.has(key)),
  );
  const read = section.isOriginal ? originalConfig(keys) : transformersConfig(keys);
  const faults = Array.isArray(read) ? read : movqMisfits(read);
  if (Array.isArray(read) || faults.length > 0) {
    throw new CheckpointError(
      `${file} describes a vision tokenizer that earl cannot run:\n  ${faults.join("\n  ")}`,
      {
        hint: "A key that does not touch the forward pass may be removed; any other needs a different model.",
      },
    );
  }
  return { config: read, isNested: section.isNested };
}

/** Dropout is in the lists of harmless keys under transformers' name alone. */
const BOOK_KEEPING: ReadonlySet<string> = new Set(["model_type", "attention_dropout", "dropout"]);

interface Section {
  readonly keys: Record<string, unknown>;
  readonly isOriginal: boolean;
  readonly isNested: boolean;
}

function sectionOf(json: unknown): Section | undefined {
  const top = z.record(z.string(), z.unknown()).safeParse(json).data;
  switch (top?.["model_type"]) {
    case "Emu3VisionVQ":
      return { keys: top, isOriginal: true, isNested: false };
    case "emu3_vqgan":
      return { keys: top, isOriginal: false, isNested: false };
    case "emu3": {
      const nested = z.record(z.string(), z.unknown()).safeParse(top["vq_config"] ?? {});
      return nested.success ? { keys: nested.data, isOriginal: false, isNested: true } : undefined;
    }
    default:
      return undefined;
  }
}

function originalConfig(json: unknown): MovqConfig | string[] {
  const parsed = OriginalKeys.safeParse(json);
  if (!parsed.success) return sentences(parsed.error);
  const { data } = parsed;
  if (data.z_channels !== data.embed_dim)
    return unequalLatents("z_channels", data.z_channels, data.embed_dim);
  return {
    ...sharedPart(data),
    baseChannels: data.ch,
    multipliers: data.ch_mult,
    attentionHeads: 1,
  };
}

function transformersConfig(json: unknown): MovqConfig | string[] {
  const parsed = TransformersKeys.safeParse(json);
  if (!parsed.success) return sentences(parsed.error);
  const { data } = parsed;
  if (data.latent_channels !== data.embed_dim) {
    return unequalLatents("latent_channels", data.latent_channels, data.embed_dim);
  }
  const config: MovqConfig = {
    ...sharedPart(data),
    baseChannels: data.base_channels,
    multipliers: data.channel_multiplier,
    attentionHeads: data.num_attention_heads,
  };
  const last = config.multipliers.length - 1;
  const widths = new Set([last, ...config.attentionStages].map((stage) => stageChannels(config, stage)));
  return widths.size === 1 && widths.has(data.hidden_size)
    ? config
    : [`hidden_size is ${data.hidden_size}, but attention stands at ${[...widths].join(" and ")} channels`];
}

function sharedPart(
  keys: z.infer<z.ZodObject<typeof SharedKeys>>,
): Omit<MovqConfig, "baseChannels" | "multipliers" | "attentionHeads"> {
  return {
    codebookSize: keys.codebook_size,
    latentChannels: keys.embed_dim,
    inputChannels: keys.in_channels,
    outputChannels: keys.out_channels,
    temporalFactor: keys.temporal_downsample_factor,
    resBlocks: keys.num_res_blocks,
    attentionStages: keys.attn_resolutions ?? [],
  };
}

/** The decoder sees the codes and their projection as one batch, so both have the same width. */
function unequalLatents(key: string, latent: number, entry: number): string[] {
  return [`${key} is ${latent} and embed_dim ${entry}, but the decoder needs them equal`];
}

function sentences(error: z.ZodError): string[] {
  return error.issues.map((issue) =>
    issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`,
  );
}
