/** PEFT's adapter_config.json: what of it earl's LoRA covers, and the one that earl writes. */

import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { readJsonFile } from "./published-file.ts";
import type { LoraSettings } from "./lora.ts";
import { PROJECTIONS, type Projection } from "./parameters.ts";

/** Without influence on the merged weights. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set(
  `auto_mapping base_model_name_or_path inference_mode lora_dropout megatron_core peft_version qalora_group_size
   revision task_type target_modules`.split(/\s+/),
);

const AdapterConfig = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.int().min(1),
  lora_alpha: z.number(),
  use_rslora: z.boolean().default(false),
  bias: z.literal("none").default("none"),
  // Other ways to start (PiSSA, OLoRA, LoftQ) change the base weights, so the adapter belongs to another base.
  init_lora_weights: z.union([z.boolean(), z.enum(["gaussian", "eva", "orthogonal"])]).default(true),
});

export const ADAPTER_CONFIG_FILE = "adapter_config.json";
const MISSING =
  "Give the directory that PEFT's save_pretrained wrote: it holds adapter_config.json and adapter_model.safetensors.";

export type AdapterScale = Pick<LoraSettings, "rank" | "alpha" | "isRankStabilised">;

const NamedBase = z.looseObject({ base_model_name_or_path: z.string().nullish() });

/** Path or hub name of the weights that an adapter belongs to; undefined where it names none. */
export async function readAdapterBase(file: string): Promise<string | undefined> {
  const parsed = NamedBase.safeParse(await readJsonFile(file, MISSING));
  return parsed.data?.base_model_name_or_path ?? undefined;
}

/**
 * Reads an adapter's settings. Throws CheckpointError, all faults in one, for a kind of adapter that W + scale · B·A
 * does not describe; a setting that is off (null, false or empty) is no fault, whatever it is called.
 */
export async function readAdapterConfig(file: string): Promise<AdapterScale> {
  const parsed = AdapterConfig.safeParse(await readJsonFile(file, MISSING));
  const faults = (parsed.error?.issues ?? []).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  for (const [key, value] of Object.entries(parsed.data ?? {})) {
    if (Object.hasOwn(AdapterConfig.shape, key) || HARMLESS_KEYS.has(key) || isOff(value)) continue;
    faults.push(`${key} is ${JSON.stringify(value)}, which earl does not support`);
  }
  if (!parsed.success || faults.length > 0) {
    throw new CheckpointError(
      `${file} describes an adapter that earl cannot use:\n  ${faults.join("\n  ")}`,
      {
        hint: "Plain LoRA without biases is supported; merge other kinds with PEFT first.",
      },
    );
  }
  const { r, lora_alpha, use_rslora } = parsed.data;
  return { rank: r, alpha: lora_alpha, isRankStabilised: use_rslora };
}

/** The adapter_config.json that PEFT loads. `baseModel` is the path or hub name of the base weights. */
export function adapterConfigJson(settings: LoraSettings, baseModel: string | null): Record<string, unknown> {
  return {
    alpha_pattern: {},
    base_model_name_or_path: baseModel,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: settings.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: "LORA",
    r: settings.rank,
    rank_pattern: {},
    target_modules: targetModules(settings.targets),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: settings.isRankStabilised,
  };
}

/** PEFT matches modules by their last name, which is unique in Emu3. */
function targetModules(targets: readonly Projection[]): string[] {
  return PROJECTIONS.filter((projection) => targets.includes(projection)).map((projection) =>
    projection.replace(/^.*\./, ""),
  );
}

function isOff(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
