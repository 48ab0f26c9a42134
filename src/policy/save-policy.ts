/**
 * Writes a policy as a Hugging Face directory that transformers and vLLM load: config.json, generation_config.json,
 * weights in one file or in shards, and the tokenizer's files. Each file is written beside its place and moved there
 * when all are on disk, so a failure leaves what was there before.
 */

import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CheckpointError, ShapeError } from "../errors.ts";
import { INDEX_FILE } from "./checkpoint-files.ts";
import type { PolicyConfig } from "./config.ts";
import { policyConfigJson } from "./config-file.ts";
import { DTYPES } from "./float-formats.ts";
import { parameterShapes, sizeOf } from "./parameters.ts";
import type { FloatType, PlannedTensor } from "./safetensors-writer.ts";
import { bytesIn, PARTIAL, planShards, writeShards, type NamedParameters, type Shard } from "./shards.ts";

export interface SaveOptions {
  /** Files written beside the weights as they are, name to content. */
  readonly tokenizerFiles?: ReadonlyMap<string, Uint8Array>;
  /** Added to generation_config.json, which always names the begin, end and padding ids. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** Type of the weights on disk, of all or of each by name; F32 unless given. */
  readonly type?: FloatType | ((name: string) => FloatType);
  /** Bytes of tensors a file may hold before it is split; 5 GB unless given. A larger single tensor has its own file. */
  readonly maxShardBytes?: number;
}

const WEIGHT_FILE = /^model(?:-\d{5}-of-\d{5})?\.safetensors(?:\.index\.json)?$/;

/**
 * Saves a policy; the parameters may come in any order and lazily, one in memory at a time. Throws ShapeError where
 * they are not exactly the config's, CheckpointError where the folder cannot be written.
 */
export async function savePolicyDirectory(
  directory: string,
  config: PolicyConfig,
  parameters: NamedParameters,
  options: SaveOptions = {},
): Promise<void> {
  const shards = planPolicyShards(config, options);
  const small = policyFiles(config, shards, options);
  const written: string[] = [];
  try {
    await mkdir(directory, { recursive: true });
    for (const { file } of shards) written.push(file);
    await writeShards(directory, shards, parameters);
    for (const [file, content] of small) {
      written.push(file);
      await writeFile(join(directory, file + PARTIAL), content);
    }
    for (const file of written) await rename(join(directory, file + PARTIAL), join(directory, file));
    await removeStaleWeights(directory, written);
  } catch (error) {
    await Promise.all(written.map((file) => rm(join(directory, file + PARTIAL), { force: true })));
    if (error instanceof CheckpointError || error instanceof ShapeError || !isSystemError(error)) throw error;
    throw new CheckpointError(`Cannot save the policy to ${directory}: ${error.message}.`, {
      cause: error,
      hint: "Check the free space and the permissions of the folder.",
    });
  }
}

/** Bytes of the weight files that `savePolicyDirectory` writes, their headers left out. */
export function weightBytes(config: PolicyConfig, type: SaveOptions["type"]): number {
  return plannedTensors(config, type).reduce((sum, tensor) => sum + bytesIn(tensor), 0);
}

function plannedTensors(config: PolicyConfig, type: SaveOptions["type"] = "F32"): Required<PlannedTensor>[] {
  const typeOf = typeof type === "function" ? type : (): FloatType => type;
  return parameterShapes(config).map(({ name, shape }) => ({ name, shape, type: typeOf(name) }));
}

/** The type of most numbers: what config.json says of all. */
function commonType(tensors: readonly Required<PlannedTensor>[]): FloatType {
  const counts: Record<FloatType, number> = { F32: 0, BF16: 0, F16: 0 };
  for (const { shape, type } of tensors) counts[type] += sizeOf(shape);
  const types = Object.keys(counts) as FloatType[];
  return types.reduce((most, type) => (counts[type] > counts[most] ? type : most));
}

/** How a policy's weights are spread over files. */
export function planPolicyShards(
  config: PolicyConfig,
  { type, maxShardBytes = 5e9 }: Pick<SaveOptions, "type" | "maxShardBytes"> = {},
): Shard[] {
  return planShards(plannedTensors(config, type), maxShardBytes);
}

/** Every file of a policy but its weights, name to content. */
export function policyFiles(
  config: PolicyConfig,
  shards: readonly Shard[],
  options: SaveOptions = {},
): Map<string, string | Uint8Array> {
  const files = new Map<string, string | Uint8Array>(options.tokenizerFiles);
  if (shards.length > 1) files.set(INDEX_FILE, shardIndex(shards));
  const ids = { bos_token_id: config.bosId, eos_token_id: config.eosId, pad_token_id: config.padId };
  const given = Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== null));
  files.set("generation_config.json", asJson({ ...given, ...options.generationConfig }));
  files.set(
    "config.json",
    asJson(policyConfigJson(config, DTYPES[commonType(shards.flatMap(({ tensors }) => tensors))])),
  );
  return files;
}

/** The index of several files: which tensor lies in which. */
export function shardIndex(shards: readonly Shard[]): string {
  const tensors = shards.flatMap(({ file, tensors: held }) => held.map((tensor) => ({ ...tensor, file })));
  return asJson({
    metadata: {
      total_parameters: tensors.reduce((count, { shape }) => count + sizeOf(shape), 0),
      total_size: tensors.reduce((sum, tensor) => sum + bytesIn(tensor), 0),
    },
    weight_map: Object.fromEntries(tensors.map(({ name, file }) => [name, file])),
  });
}

/** Weights of an earlier save under other names would be loaded instead of, or mixed with, the new ones. */
async function removeStaleWeights(directory: string, written: readonly string[]): Promise<void> {
  for (const file of await readdir(directory)) {
    if (WEIGHT_FILE.test(file) && !written.includes(file)) await rm(join(directory, file));
  }
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && "syscall" in error;
}
