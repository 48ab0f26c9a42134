/**
 * A LoRA adapter in PEFT's layout: `adapter_config.json`, and `adapter_model.safetensors` with two tensors a
 * projection, `base_model.model.<module>.lora_A.weight` and `….lora_B.weight`.
 */

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
  readAdapterConfig,
  type AdapterScale,
} from "./lora-config-file.ts";
import { adaptedWeight, loraScale, loraShapes, type LoraPair, type LoraSettings } from "./lora.ts";
import { parameterShapes } from "./parameters.ts";
import type { PolicyDirectory } from "./policy-directory.ts";
import { SafetensorsFile } from "./safetensors.ts";
import { SafetensorsWriter } from "./safetensors-writer.ts";
import { PARTIAL } from "./shards.ts";

const WEIGHTS_FILE = "adapter_model.safetensors";
const KEY = /^base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight$/;

export interface LoraDirectory {
  readonly settings: AdapterScale;
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
  const settings = await readAdapterConfig(join(directory, ADAPTER_CONFIG_FILE));
  const file = await SafetensorsFile.open(join(directory, WEIGHTS_FILE));
  try {
    const pairs = matchPairs(file, config, settings.rank);
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
  const { rank } = adapter.settings;
  const tensors = loraShapes(adapter.config, adapter.settings).flatMap(({ name, output, input }) => [
    { name: storedName(name, "A"), shape: [rank, input] },
    { name: storedName(name, "B"), shape: [output, rank] },
  ]);
  const weights = join(directory, WEIGHTS_FILE);
  const settings = join(directory, ADAPTER_CONFIG_FILE);
  try {
    await mkdir(directory, { recursive: true });
    const writer = await SafetensorsWriter.create(weights + PARTIAL, tensors, "F32");
    try {
      for (const [name, { a, b }] of adapter.pairs) {
        await writer.write(storedName(name, "A"), a);
        await writer.write(storedName(name, "B"), b);
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
  if (strays.count > 0) throw checkpointFault("The adapter is for another policy; it adapts", strays);
  const scale = loraScale(adapter.settings);
  for (const name of base.names) {
    const weight = await base.read(name);
    if (!adapter.names.includes(name)) yield [name, weight];
    else yield [name, adaptedWeight(weight, await adapter.read(name), adapter.settings.rank, scale)];
  }
}

function storedName(parameter: string, matrix: "A" | "B"): string {
  return `base_model.model.${parameter.replace(/\.weight$/, "")}.lora_${matrix}.weight`;
}

/** For each adapted parameter the stored names of its two matrices. */
function matchPairs(
  file: SafetensorsFile,
  config: PolicyConfig,
  rank: number,
): Map<string, { a: string; b: string }> {
  const faults = new FaultList();
  const stored = new Map<string, { A?: string; B?: string }>();
  for (const key of file.entries.keys()) {
    const [, module, matrix] = KEY.exec(key) ?? [];
    const placed = plainName(`${module}.weight`);
    if (module === undefined || placed.kind === "skipped")
      faults.add(() => `${key}: not a LoRA matrix of a language model`);
    else {
      const pair = stored.get(placed.name) ?? {};
      stored.set(placed.name, matrix === "A" ? { ...pair, A: key } : { ...pair, B: key });
    }
  }

  const pairs = new Map<string, { a: string; b: string }>();
  for (const { name, shape } of parameterShapes(config)) {
    const pair = stored.get(name);
    const [output, input] = shape;
    if (pair === undefined || output === undefined || input === undefined) continue;
    stored.delete(name);
    for (const fault of [
      ...misfit(file, pair.A ?? `lora_A of ${name}`, [rank, input]),
      ...misfit(file, pair.B ?? `lora_B of ${name}`, [output, rank]),
    ]) {
      faults.add(() => fault);
    }
    if (pair.A !== undefined && pair.B !== undefined) pairs.set(name, { a: pair.A, b: pair.B });
  }
  for (const name of stored.keys()) faults.add(() => `${name}: adapted, but the policy has no such matrix`);
  if (faults.count > 0) throw checkpointFault(`${file.path} does not fit the policy`, faults);
  return pairs;
}

function misfit(file: SafetensorsFile, key: string, shape: readonly number[]): string[] {
  const entry = file.entries.get(key);
  if (entry === undefined) return [`${key}: missing`];
  if (entry.shape.join() === shape.join()) return [];
  return [`${key}: it is [${entry.shape.join(", ")}], the policy and the rank need [${shape.join(", ")}]`];
}
