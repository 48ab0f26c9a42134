/**
 * A policy as a Hugging Face directory, opened: config and weights are matched against each other before anything is
 * computed, and each tensor is read when it is asked for.
 */

import { CheckpointError } from "../errors.ts";
import { openCheckpointFiles, type StoredTensor } from "./checkpoint-files.ts";
import type { PolicyConfig } from "./config.ts";
import { readPolicyConfig } from "./config-file.ts";
import { finiteWeights } from "./finite-weights.ts";
import { matchWeights } from "./matched-weights.ts";
import type { TensorType } from "./safetensors-header.ts";

export interface PolicyDirectory {
  readonly config: PolicyConfig;
  /** Parameters in the order of the forward pass, by plain names whatever the files call them. */
  readonly names: readonly string[];
  /** Stored tensors that are no part of the language model, such as a vision tokenizer's. */
  readonly skipped: readonly string[];
  /**
   * One parameter as float32, in `into` where that is given. Throws CheckpointError for a name that is not among
   * `names`, and for values that are not finite.
   */
  read(name: string, into?: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>>;
  /** The same, whatever the values are. */
  readUnchecked(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** Where the parameter lies. Throws CheckpointError for a name that is not among `names`. */
  placeOf(name: string): { readonly path: string; readonly key: string };
  /** As the parameter lies in its file. Throws CheckpointError for a name that is not among `names`. */
  typeOf(name: string): TensorType;
  close(): Promise<void>;
}

/** Opens a directory. Throws CheckpointError that lists every missing, unexpected, doubled and misshapen tensor with its file. */
export async function openPolicyDirectory(directory: string): Promise<PolicyDirectory> {
  const { config } = await readPolicyConfig(directory);
  const files = await openCheckpointFiles(directory);
  try {
    const { found, skipped } = matchWeights(config, files, directory);
    const storedOf = (name: string): StoredTensor => {
      const stored = found.get(name);
      if (stored !== undefined) return stored;
      throw new CheckpointError(`The policy in ${directory} has no parameter ${name}.`);
    };
    return {
      config,
      names: [...found.keys()],
      skipped,
      read: async (name, into) => {
        const { file, entry } = storedOf(name);
        return finiteWeights(await file.read(entry.name, into), entry.name, file.path);
      },
      readUnchecked: async (name) => {
        const { file, entry } = storedOf(name);
        return file.read(entry.name);
      },
      placeOf: (name) => {
        const { file, entry } = storedOf(name);
        return { path: file.path, key: entry.name };
      },
      typeOf: (name) => storedOf(name).entry.type,
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}
