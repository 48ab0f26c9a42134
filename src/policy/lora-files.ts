/**
 * A LoRA adapter in PEFT's layout: `adapter_config.json`, and `adapter_model.safetensors` with two tensors a
 * projection, `base_model.model.<module>.lora_A.weight` and `….lora_B.weight`.
 */

import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError } from "../errors.ts";
import { checkpointFault } from "./checkpoint-files.ts";
import { plainName } from "./checkpoint-names.ts";
import type { PolicyConfig } from "./config.ts";
import { FaultList } from "./fault-list.ts";
import { finiteWeights } from "./finite-weights.ts";
import {
  ADAPTER_CONFIG_FILE,
  adapterConfigJson,
  MERGE_WITH_PEFT,
  moduleName,
  readAdapterConfig,
  type AdapterConfigFile,
} from "./lora-config-file.ts";
import { adaptedWeight, loraScale, loraShapes, type LoraPair, type LoraSettings } from "./lora.ts";
import { PROJECTIONS } from "./parameters.ts";
import type { PolicyDirectory } from "./policy-directory.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { isFloat } from "./safetensors-header.ts";
import { SafetensorsWriter } from "./safetensors-writer.ts";
import { PARTIAL } from "./shards.ts";

const WEIGHTS_FILE = "adapter_model.safetensors";
const WHOLE = "Copy the adapter again where a part of it is lost, and use the base that it was trained on.";
const KEY = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;

export interface LoraDirectory {
  readonly settings: Pick<LoraSettings, "rank" | "alpha" | "isRankStabilised">;
  /** Parameters of the base that are adapted, by plain name. */
  readonly names: readonly string[];
  /** Throws CheckpointError for a name that is not among `names`, and for values that are not finite. */
  read(name: string): Promise<LoraPair>;
  close(): Promise<void>;
}

/**
 * Opens an adapter and matches it to the policy it is for. Throws CheckpointError that lists every tensor that is
 * missing, unexpected or of another shape.
 */
export async function openLoraDirectory(directory: string, config: PolicyConfig): Promise<LoraDirectory> {
  const { adapts, ...settings } = await readAdapterConfig(join(directory, ADAPTER_CONFIG_FILE));
  requireWeights(directory);
  const file = await SafetensorsFile.open(join(directory, WEIGHTS_FILE));
  try {
    const pairs = matchPairs(file, config, { ...settings, adapts });
    return {
      settings,
      names: [...pairs.keys()],
      read: async (name) => {
        const pair = pairs.get(name);
        if (pair === undefined)
          throw new CheckpointError(`The adapter in ${directory} does not adapt ${name}.`);
        const read = async (key: string): Promise<Float32Array> =>
          finiteWeights(await file.read(key), key, file.path);
        return { a: await read(pair.a), b: await read(pair.b) };
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Writes an adapter that PEFT loads. Throws ShapeError where the pairs are not exactly those of the settings,
 * CheckpointError where the folder cannot be written.
 */
export async function saveLoraDirectory(
  directory: string,
  adapter: {
    readonly config: PolicyConfig;
    readonly settings: LoraSettings;
    readonly pairs: ReadonlyMap<string, LoraPair>;
  },
  baseModel: string | null = null,
): Promise<void> {
  const { rank, isNested = false } = adapter.settings;
  const tensors = loraShapes(adapter.config, adapter.settings).flatMap(({ name, output, input }) => [
    { name: storedName(name, "A", isNested), shape: [rank, input] },
    { name: storedName(name, "B", isNested), shape: [output, rank] },
  ]);
  const weights = join(directory, WEIGHTS_FILE);
  const settings = join(directory, ADAPTER_CONFIG_FILE);
  try {
    await mkdir(directory, { recursive: true });
    const writer = await SafetensorsWriter.create(weights + PARTIAL, tensors, "F32");
    try {
      for (const [name, { a, b }] of adapter.pairs) {
        await writer.write(storedName(name, "A", isNested), a);
        await writer.write(storedName(name, "B", isNested), b);
      }
      await writer.finish();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    await writeFile(
      settings + PARTIAL,
      `${JSON.stringify(adapterConfigJson(adapter.settings, baseModel), null, 2)}\n`,
    );
    for (const file of [weights, settings]) await rename(file + PARTIAL, file);
  } catch (error) {
    for (const file of [weights, settings]) await rm(file + PARTIAL, { force: true });
    throw error;
  }
}

/**
 * Every parameter of the base with the adapter merged in, W + scale · B·A, one at a time: ready for
 * `savePolicyDirectory`. Throws CheckpointError before the first where the adapter names a parameter the base lacks.
 */
export async function* mergeLora(
  base: Pick<PolicyDirectory, "names" | "read">,
  adapter: LoraDirectory,
): AsyncGenerator<readonly [string, Float32Array]> {
  const known = new Set(base.names);
  const strays = new FaultList();
  for (const name of adapter.names) if (!known.has(name)) strays.add(() => name);
  if (strays.count > 0) {
    throw checkpointFault("The adapter is for another policy; it adapts", strays, MERGE_WITH_PEFT);
  }
  const scale = loraScale(adapter.settings);
  const adapted = new Set(adapter.names);
  for (const name of base.names) {
    const weight = await base.read(name);
    if (!adapted.has(name)) yield [name, weight];
    else
      yield [
        name,
        finiteWeights(
          adaptedWeight(weight, await adapter.read(name), adapter.settings.rank, scale),
          name,
          "The merged policy",
        ),
      ];
  }
}

function storedName(parameter: string, matrix: "A" | "B", isNested: boolean): string {
  return `base_model.model.${moduleName(parameter, isNested)}.lora_${matrix}.weight`;
}

function requireWeights(directory: string): void {
  if (existsSync(join(directory, WEIGHTS_FILE))) return;
  throw new CheckpointError(`${directory} has no ${WEIGHTS_FILE}.`, {
    hint: existsSync(join(directory, "adapter_model.bin"))
      ? "It has pickled weights (adapter_model.bin); save them as safetensors with PEFT."
      : "Copy the whole directory that PEFT's save_pretrained wrote.",
  });
}

interface StoredPair {
  A?: string;
  B?: string;
}

/** For each adapted parameter the stored names of its two matrices. */
function matchPairs(
  file: SafetensorsFile,
  config: PolicyConfig,
  { adapts, ...settings }: AdapterConfigFile,
): Map<string, { a: string; b: string }> {
  const faults = new FaultList();
  const stored = storedPairs(file, faults);
  const pairs = new Map<string, { a: string; b: string }>();
  const { rank } = settings;
  for (const { name, output, input } of loraShapes(config, { ...settings, targets: PROJECTIONS })) {
    const pair = stored.get(name);
    stored.delete(name);
    if (pair === undefined && adapts(name) !== true) continue;
    findMisfit(file, { key: pair?.A, what: `lora_A of ${name}`, shape: [rank, input] }, faults);
    findMisfit(file, { key: pair?.B, what: `lora_B of ${name}`, shape: [output, rank] }, faults);
    if (pair?.A !== undefined && pair.B !== undefined) pairs.set(name, { a: pair.A, b: pair.B });
  }
  for (const name of stored.keys()) faults.add(() => `${name}: adapted, but no projection of this policy`);
  if (faults.count === 0 && pairs.size === 0) faults.add(() => "it adapts nothing");
  if (faults.count > 0)
    throw checkpointFault(`${file.path} does not fit the policy`, faults, `${WHOLE} ${MERGE_WITH_PEFT}`);
  return pairs;
}

/** The stored names of each adapted parameter's matrices, by its plain name. */
function storedPairs(file: SafetensorsFile, faults: FaultList): Map<string, StoredPair> {
  const pairs = new Map<string, StoredPair>();
  for (const key of file.entries.keys()) {
    const [, module, matrix] = KEY.exec(key) ?? [];
    const placed = plainName(`${module}.weight`);
    if (module === undefined) faults.add(() => `${key}: ${strangeKey(key)}`);
    else if (placed.kind === "skipped") faults.add(() => `${key}: it adapts the vision tokenizer`);
    else {
      const pair = pairs.get(placed.name) ?? {};
      const side = matrix as "A" | "B";
      const other = pair[side];
      if (other !== undefined) faults.add(() => `${key}: the same matrix as ${other}`);
      pairs.set(placed.name, { ...pair, [side]: key });
    }
  }
  return pairs;
}

function strangeKey(key: string): string {
  if (/\.lora_embedding_[AB]$/.test(key)) return "it adapts an embedding";
  if (key.endsWith(".base_layer.weight"))
    return "a weight of the base, which PEFT saves beside an adapted head";
  return "not a LoRA matrix of a language model";
}

function findMisfit(
  file: SafetensorsFile,
  {
    key,
    what,
    shape,
  }: { readonly key: string | undefined; readonly what: string; readonly shape: readonly number[] },
  faults: FaultList,
): void {
  const entry = key === undefined ? undefined : file.entries.get(key);
  if (entry === undefined) faults.add(() => `${what}: missing`);
  else if (entry.shape.join() !== shape.join()) {
    const [is, needed] = [entry.shape, shape].map((axes) => `[${axes.join(", ")}]`);
    faults.add(() => `${entry.name}: it is ${is}, the policy and the rank need ${needed}`);
  } else if (!isFloat(entry.type)) {
    faults.add(() => `${entry.name}: it is ${entry.type}, not a floating-point tensor`);
  }
}
