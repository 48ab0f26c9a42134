/**
 * A policy's config read from and written to Hugging Face's config.json. Four layouts are read: Emu3 as published
 * (`model_type: Emu3`), transformers' text model (`emu3_text_model`), its picture-and-text model (`emu3`, sizes under
 * `text_config`), and LLaMA. Written is always a layout that transformers has in its tree.
 */

import { join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { misfits, type PolicyConfig } from "./config.ts";
import { CLASS_DEFAULTS, EMU3_SIZES, FIXED_KEYS, harmlessKeys, nestingKeys } from "./config-keys.ts";
import { FaultList, shownValue } from "./fault-list.ts";
import { readJsonFile } from "./published-file.ts";
import { LEAST_NORM_EPSILON, MOST } from "./size-limits.ts";

export interface PolicyConfigFile {
  readonly config: PolicyConfig;
  /** As the file names it. */
  readonly modelType: string;
  /** True where the weights belong to `Emu3ForConditionalGeneration`, vision tokenizer included. */
  readonly isNested: boolean;
  /** Area that pictures are resized to, in pixels, where Emu3's config says so. */
  readonly imageArea: number | undefined;
}

const atMost = (most: number): string =>
  `more than ${most.toLocaleString("en-US")}, the most that earl takes`;
const size = (most: number): z.ZodInt => z.int().min(1).max(most, atMost(most));
const id = z.int().min(0);
const ropeTheta = z.number().min(1).max(MOST.ropeTheta, atMost(MOST.ropeTheta));

const Rope = z.strictObject({
  rope_theta: ropeTheta.optional(),
  rope_type: z.literal("default").optional(),
  type: z.literal("default").optional(),
  partial_rotary_factor: z.literal(1).optional(),
});

const SizeKeys = z.object({
  vocab_size: size(MOST.vocabularySize),
  hidden_size: size(MOST.hiddenSize),
  intermediate_size: size(MOST.intermediateSize),
  num_hidden_layers: size(MOST.layers),
  num_attention_heads: size(MOST.heads),
  num_key_value_heads: size(MOST.heads).nullable(),
  head_dim: size(MOST.headSize).nullish(),
  rms_norm_eps: z.number().min(LEAST_NORM_EPSILON).max(1),
  rope_theta: ropeTheta.nullish(),
  rope_parameters: Rope.nullish(),
  rope_scaling: Rope.nullish(),
  max_position_embeddings: size(MOST.maxPositions),
  bos_token_id: id.nullable(),
  eos_token_id: z.union([id, z.array(id).min(1)]).nullable(),
  pad_token_id: id.nullable(),
  tie_word_embeddings: z.boolean().default(false),
  initializer_range: z.number().positive().max(MOST.weightStd, atMost(MOST.weightStd)).default(0.02),
});

/** In pixels; Emu3 says 518,400. */
const ImageArea = z.number().positive().max(MOST.imageArea, atMost(MOST.imageArea)).nullish();

const FAMILIES: ReadonlyMap<unknown, PolicyConfig["family"]> = new Map([
  ["Emu3", "emu3"],
  ["emu3_text_model", "emu3"],
  ["emu3", "emu3"],
  ["llama", "llama"],
]);

/** Reads DIR/config.json. Throws CheckpointError, all faults in one, for a file that earl's maths does not cover. */
export async function readPolicyConfig(directory: string): Promise<PolicyConfigFile> {
  const file = join(directory, "config.json");
  const missing = "Give the directory of a Hugging Face checkpoint: it holds config.json beside the weights.";
  return parsePolicyConfig(await readJsonFile(file, missing), file);
}

/** The same for a config.json that is parsed already; `file` names it in errors. */
export function parsePolicyConfig(json: unknown, file: string): PolicyConfigFile {
  const top = z.record(z.string(), z.unknown()).safeParse(json).data;
  if (top === undefined) throw new CheckpointError(`${file} is not a JSON object.`);
  const modelType = top["model_type"];
  const family = FAMILIES.get(modelType);
  if (typeof modelType !== "string" || family === undefined) {
    const found = modelType === undefined ? "missing" : shownValue(modelType);
    throw new CheckpointError(`${file}: model_type is ${found}.`, {
      hint: `earl reads ${[...FAMILIES.keys()].join(", ")}.`,
    });
  }

  const isNested = modelType === "emu3";
  const faults = new FaultList();
  let sizes = top;
  if (isNested) {
    findKeyFaults(top, nestingKeys, { where: "", faults });
    const nested = z.record(z.string(), z.unknown()).safeParse(top["text_config"] ?? {});
    if (!nested.success) faults.add(() => "text_config is not an object");
    sizes = { ...EMU3_SIZES, ...nested.data };
  }
  const where = isNested ? "text_config." : "";
  findKeyFaults(sizes, new Set(Object.keys(SizeKeys.shape)), { where, faults });

  const parsed = SizeKeys.safeParse({ ...withoutRope(CLASS_DEFAULTS[family]), ...sizes });
  for (const issue of parsed.error?.issues ?? []) {
    faults.add(() => `${where}${issue.path.join(".")}: ${ropeKindFault(issue.path, sizes) ?? issue.message}`);
  }
  const config = parsed.success ? fromKeys(parsed.data, family) : undefined;
  if (parsed.success && config !== undefined) {
    if (ropeThetas(parsed.data).size > 1) {
      faults.add(
        () =>
          `${where}rope_theta is given twice with different values: ${[...ropeThetas(parsed.data)].join(" and ")}`,
      );
    }
    for (const misfit of misfits(config)) faults.add(() => misfit);
  }
  const imageArea = ImageArea.safeParse(top["image_area"] ?? sizes["image_area"]);
  for (const { message } of imageArea.error?.issues ?? []) faults.add(() => `image_area: ${message}`);
  if (config === undefined || faults.count > 0) {
    throw new CheckpointError(`${file} describes a policy that earl cannot run:\n${faults.lines()}`, {
      hint: "A key that does not touch the forward pass may be removed from the file; any other needs a different model.",
    });
  }
  return { config, modelType, isNested, imageArea: imageArea.data ?? undefined };
}

/** The config.json that transformers loads: a text model of its own tree, float32, rope in its older and newer form. */
export function policyConfigJson(config: PolicyConfig, dtype = "float32"): Record<string, unknown> {
  const isEmu3 = config.family === "emu3";
  return {
    architectures: [isEmu3 ? "Emu3ForCausalLM" : "LlamaForCausalLM"],
    attention_bias: false,
    attention_dropout: 0,
    bos_token_id: config.bosId,
    dtype,
    eos_token_id: config.eosId,
    // transformers derives it from the width; older versions of its Emu3 class do not know the key.
    ...(config.headSize * config.heads === config.hiddenSize ? {} : { head_dim: config.headSize }),
    hidden_act: "silu",
    hidden_size: config.hiddenSize,
    initializer_range: config.initializerRange,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    mlp_bias: false,
    model_type: isEmu3 ? "emu3_text_model" : "llama",
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.keyValueHeads,
    pad_token_id: config.padId,
    rms_norm_eps: config.normEpsilon,
    rope_parameters: { rope_theta: config.ropeTheta, rope_type: "default" },
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tieEmbeddings,
    // What loaders read before transformers 4.56 named it dtype.
    torch_dtype: dtype,
    use_cache: true,
    vocab_size: config.vocabularySize,
  };
}

/** Keys that are unknown, or known and set to something the maths does not cover. */
function findKeyFaults(
  keys: Record<string, unknown>,
  known: ReadonlySet<string>,
  { where, faults }: { readonly where: string; readonly faults: FaultList },
): void {
  for (const [key, value] of Object.entries(keys)) {
    const allowed = Object.hasOwn(FIXED_KEYS, key) ? FIXED_KEYS[key] : undefined;
    if (allowed !== undefined && !allowed.includes(value)) {
      faults.add(
        () => `${where}${key} is ${shownValue(value)}; only ${JSON.stringify(allowed[0])} is supported`,
      );
    } else if (allowed === undefined && !known.has(key) && !harmlessKeys.has(key) && key !== "model_type") {
      faults.add(() => `${where}${key} is a key that earl does not know`);
    }
  }
}

/** Names the kind of a rope scaling, where that is what is wrong. */
function ropeKindFault(path: readonly PropertyKey[], keys: Record<string, unknown>): string | undefined {
  const [key, part] = path;
  if (part !== "rope_type" && part !== "type") return undefined;
  const kind = z.record(z.string(), z.unknown()).safeParse(keys[String(key)]).data?.[part];
  return `the kind ${shownValue(kind)} is not supported, only "default"`;
}

/** The class's theta counts only where the file gives none, in either form; see `fromKeys`. */
function withoutRope(
  defaults: (typeof CLASS_DEFAULTS)[PolicyConfig["family"]],
): Record<string, number | null> {
  const { rope_theta: _theta, ...others } = defaults;
  return others;
}

function ropeThetas(keys: z.infer<typeof SizeKeys>): Set<number> {
  const given = [keys.rope_theta, keys.rope_parameters?.rope_theta, keys.rope_scaling?.rope_theta];
  return new Set(given.filter((theta) => theta !== undefined && theta !== null));
}

function fromKeys(keys: z.infer<typeof SizeKeys>, family: PolicyConfig["family"]): PolicyConfig {
  const [theta] = ropeThetas(keys);
  return {
    family,
    vocabularySize: keys.vocab_size,
    hiddenSize: keys.hidden_size,
    intermediateSize: keys.intermediate_size,
    layers: keys.num_hidden_layers,
    heads: keys.num_attention_heads,
    keyValueHeads: keys.num_key_value_heads ?? keys.num_attention_heads,
    headSize: keys.head_dim ?? keys.hidden_size / keys.num_attention_heads,
    normEpsilon: keys.rms_norm_eps,
    ropeTheta: theta ?? CLASS_DEFAULTS[family].rope_theta,
    maxPositions: keys.max_position_embeddings,
    bosId: keys.bos_token_id,
    // LLaMA may list several; the first is the model's own.
    eosId: Array.isArray(keys.eos_token_id) ? (keys.eos_token_id[0] ?? null) : keys.eos_token_id,
    padId: keys.pad_token_id,
    tieEmbeddings: keys.tie_word_embeddings,
    initializerRange: keys.initializer_range,
  };
}
