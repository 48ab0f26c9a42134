/**
 * A policy as a Hugging Face directory, opened: config and weights are matched against each other before anything is
 * computed, and each tensor is read when it is asked for.
 */

import { CheckpointError } from "../errors.ts";
import { openCheckpointFiles } from "./checkpoint-files.ts";
import type { PolicyConfig } from "./config.ts";
import { readPolicyConfig } from "./config-file.ts";
import { finiteWeights } from "./finite-weights.ts";
import { matchWeights } from "./matched-weights.ts";

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
  close(): Promise<void>;
}

/** Opens a directory. Throws CheckpointError that lists every missing, unexpected, doubled and misshapen tensor with its file. */
export async function openPolicyDirectory(directory: string): Promise<PolicyDirectory> {
  const { config } = await readPolicyConfig(directory);
  const files = await openCheckpointFiles(directory);
  try {
    const { found, skipped } = matchWeights(config, files, directory);
    return {
      config,
      names: [...found.keys()],
      skipped,
      read: async (name, into) => {
        const stored = found.get(name);
        if (stored === undefined)
          throw new CheckpointError(`The policy in ${directory} has no parameter ${name}.`);
        const values = await stored.file.read(stored.entry.name, into);
        return finiteWeights(values, stored.entry.name, stored.file.path);
      },
      close: () => files.close(),
    };
  } catch (error) {
    await files.close();
    throw error;
  }
}
