/** PEFT's adapter_config.json: what of it earl's LoRA covers, and the one that earl writes. */

import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { plainName } from "./checkpoint-names.ts";
import { FaultList, shownValue } from "./fault-list.ts";
import { loraMisfits, type LoraSettings } from "./lora.ts";
import { PROJECTIONS, type Projection } from "./parameters.ts";
import { readJsonFile } from "./published-file.ts";

/** Without influence on the merged weights. */
const HARMLESS_KEYS: ReadonlySet<string> = new Set(
  `auto_mapping base_model_name_or_path inference_mode lora_dropout megatron_core peft_version qalora_group_size
   revision task_type`.split(/\s+/),
);

const AdapterConfig = z.looseObject({
  peft_type: z.literal("LORA"),
  r: z.int(),
  lora_alpha: z.number(),
  use_rslora: z.boolean().default(false),
  bias: z.literal("none").default("none"),
  // Other ways to start (PiSSA, OLoRA, LoftQ) change the base weights, so the adapter belongs to another base.
  init_lora_weights: z.union([z.boolean(), z.enum(["gaussian", "eva", "orthogonal"])]).default(true),
  /** Endings of module names, or a regular expression, or "all-linear". */
  target_modules: z.union([z.array(z.string()), z.string()]).nullish(),
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  /** The list of modules that the numbers count; Emu3 has one alone. */
  layers_pattern: z.union([z.literal("layers"), z.array(z.literal("layers"))]).nullish(),
});

export const ADAPTER_CONFIG_FILE = "adapter_config.json";
const MISSING =
  "Give the directory that PEFT's save_pretrained wrote: it holds adapter_config.json and adapter_model.safetensors.";
/** What can be done with an adapter that earl cannot use. */
export const MERGE_WITH_PEFT =
  "Plain LoRA on the projections of a language model is supported; merge other kinds into their base with PEFT (merge_and_unload) and use the result.";

export interface AdapterConfigFile extends Pick<LoraSettings, "rank" | "alpha" | "isRankStabilised"> {
  /** Whether the config wants a parameter of the base, by plain name, adapted; undefined where it does not say. */
  readonly adapts: (parameter: string) => boolean | undefined;
}

const NamedBase = z.looseObject({ base_model_name_or_path: z.string().nullish() });

/** Path or hub name of the weights that an adapter belongs to; undefined where it names none. */
export async function readAdapterBase(file: string): Promise<string | undefined> {
  const parsed = NamedBase.safeParse(await readJsonFile(file, MISSING));
  const base = parsed.data?.base_model_name_or_path?.trim();
  // An empty path would be the current folder.
  return base === "" ? undefined : base;
}

/**
 * Reads an adapter's settings. Throws CheckpointError, all faults in one, for a kind of adapter that W + scale · B·A
 * does not describe; a setting that is off (null, false or empty) is no fault, whatever it is called.
 */
export async function readAdapterConfig(file: string): Promise<AdapterConfigFile> {
  const parsed = AdapterConfig.safeParse(await readJsonFile(file, MISSING));
  const faults = new FaultList();
  for (const issue of parsed.error?.issues ?? []) {
    faults.add(() => `${issue.path.join(".") || "the content"}: ${issue.message}`);
  }
  for (const [key, value] of Object.entries(parsed.data ?? {})) {
    if (Object.hasOwn(AdapterConfig.shape, key) || HARMLESS_KEYS.has(key) || isOff(value)) continue;
    faults.add(() => `${key} is ${shownValue(value)}, which earl does not support`);
  }
  const scale = parsed.success ? scaleOf(parsed.data) : undefined;
  for (const misfit of scale === undefined ? [] : loraMisfits(scale)) faults.add(() => misfit);
  if (!parsed.success || scale === undefined || faults.count > 0) {
    throw new CheckpointError(`${file} describes an adapter that earl cannot use:\n${faults.lines()}`, {
      hint: MERGE_WITH_PEFT,
    });
  }
  return { ...scale, adapts: adaptsBy(parsed.data) };
}

function scaleOf({
  r,
  lora_alpha,
  use_rslora,
}: z.infer<typeof AdapterConfig>): Omit<AdapterConfigFile, "adapts"> {
  return { rank: r, alpha: lora_alpha, isRankStabilised: use_rslora };
}

/** As PEFT decides it. A regular expression is the file's own and not run: what it picks, the weights show. */
function adaptsBy(config: z.infer<typeof AdapterConfig>): AdapterConfigFile["adapts"] {
  const { target_modules: targets, layers_to_transform: layers } = config;
  const numbers = layers === null || layers === undefined ? undefined : new Set([layers].flat());
  const endings = Array.isArray(targets) ? new Set(targets.map(plainModule)) : undefined;
  return (parameter) => {
    const module = plainModule(parameter.replace(/\.weight$/, ""));
    if (!PROJECTIONS.some((projection) => module.endsWith(`.${projection}`))) return undefined;
    if (targets === "all-linear") return true;
    if (endings === undefined) return undefined;
    const layer = Number(/\.layers\.(\d+)\./.exec(module)?.[1]);
    const parts = module.split(".");
    return (numbers?.has(layer) ?? true) && parts.some((_, at) => endings.has(parts.slice(at).join(".")));
  };
}

/** A module's name in a language model that stands alone. */
function plainModule(module: string): string {
  const placed = plainName(`${module}.weight`);
  return placed.kind === "parameter" ? placed.name.replace(/\.weight$/, "") : module;
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
    target_modules: targetModules(settings),
    task_type: "CAUSAL_LM",
    use_dora: false,
    use_rslora: settings.isRankStabilised,
  };
}

/**
 * PEFT takes modules whose names end so. The last part of a projection's name is unique in a language model; beside a
 * vision tokenizer, which has projections of the same names, the whole name must be said.
 */
function targetModules({ targets, only, isNested = false }: LoraSettings): string[] | string {
  if (only !== undefined) return only.map((parameter) => moduleName(parameter, isNested));
  const ordered = PROJECTIONS.filter((projection) => targets.includes(projection));
  if (!isNested) return ordered.map(lastPart);
  const names = ordered.map((projection) => projection.replaceAll(".", String.raw`\.`));
  return String.raw`model\.text_model\.layers\.\d+\.(?:${names.join("|")})`;
}

/** What PEFT calls the module of a parameter. */
export function moduleName(parameter: string, isNested: boolean): string {
  const module = parameter.replace(/\.weight$/, "");
  return isNested ? module.replace(/^model\./, "model.text_model.") : module;
}

function lastPart(projection: Projection): string {
  return projection.replace(/^.*\./, "");
}

function isOff(value: unknown): boolean {
  if (value === null || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}
