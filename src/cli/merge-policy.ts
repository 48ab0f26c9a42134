/**
 * A base and its LoRA adapter as one policy on disk: weights in the base's own type unless another is asked for, its
 * tokenizer beside them.
 */

import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { openCheckpointFiles } from "../policy/checkpoint-files.ts";
import { mergeLora, openLoraDirectory } from "../policy/lora-files.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import type { FloatType } from "../policy/safetensors-writer.ts";
import { readJsonFile, readPublishedFile } from "../policy/published-file.ts";
import { savePolicyDirectory } from "../policy/save-policy.ts";
import { writeDirectoryAtomically, writeFault } from "../runs/atomic-write.ts";

export interface MergeProgress {
  readonly onStart: (tensors: number) => void;
  readonly onTensor: (done: number, name: string) => void;
}

export interface MergePaths {
  readonly base: string;
  readonly adapter: string;
  /** Must not hold anything. */
  readonly out: string;
  /** How weights are written; as in the base where not given. */
  readonly type?: FloatType | undefined;
}

export interface Merged {
  readonly tensors: number;
  readonly adapted: number;
  /** Tensors of the base's files that are no part of the language model. */
  readonly skipped: number;
}

/** What a tokenizer or processor consists of, in any of the published layouts. */
const TOKENIZER_FILE =
  /^(?:.*\.tiktoken|emu3_vision_tokens\.txt|(?:.*_)?tokenizer(?:_config)?\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json|vocab\.json|merges\.txt|chat_template\.(?:json|jinja)|(?:pre)?processor_config\.json|(?:tokenization|processing|image_processing)_\w+\.py)$/;

/** Throws CheckpointError where base or adapter do not load or fit together; then nothing is left at `out`. */
export async function mergePolicy(paths: MergePaths, progress: MergeProgress): Promise<Merged> {
  const base = await openPolicyDirectory(paths.base);
  try {
    const adapter = await openLoraDirectory(paths.adapter, base.config);
    try {
      const counted = async function* (): AsyncGenerator<readonly [string, Float32Array]> {
        let done = 0;
        for await (const tensor of mergeLora(base, adapter)) {
          yield tensor;
          progress.onTensor((done += 1), tensor[0]);
        }
      };
      progress.onStart(base.names.length);
      const options = {
        type: paths.type ?? (await typeOf(paths.base, base.names.length)),
        tokenizerFiles: await tokenizerFiles(paths.base),
        generationConfig: await generationConfig(paths.base),
      };
      await makeParent(paths.out);
      await writeDirectoryAtomically(paths.out, (folder) =>
        savePolicyDirectory(folder, base.config, counted(), options),
      );
      return {
        tensors: base.names.length,
        adapted: adapter.names.length,
        skipped: base.skipped.length,
      };
    } finally {
      await adapter.close();
    }
  } finally {
    await base.close();
  }
}

/** Half-width weights stay so; anything else is written as float32. */
async function typeOf(directory: string, tensors: number): Promise<FloatType> {
  const files = await openCheckpointFiles(directory);
  const types = [...files.tensors.values()].map(({ entry }) => entry.type);
  await files.close();
  const half = (["BF16", "F16"] as const).find(
    (type) => types.filter((one) => one === type).length >= tensors,
  );
  return half ?? "F32";
}

async function tokenizerFiles(directory: string): Promise<Map<string, Uint8Array>> {
  const names = (await readdir(directory)).filter((name) => TOKENIZER_FILE.test(name));
  const read = (name: string): Promise<Uint8Array> =>
    readPublishedFile(join(directory, name), "Check its permissions.");
  return new Map(await Promise.all(names.map(async (name) => [name, await read(name)] as const)));
}

async function generationConfig(directory: string): Promise<Record<string, unknown>> {
  const path = join(directory, "generation_config.json");
  // A checkpoint need not have one.
  if (!existsSync(path)) return {};
  const parsed = z
    .record(z.string(), z.unknown())
    .safeParse(await readJsonFile(path, "Check its permissions."));
  if (parsed.success) return parsed.data;
  throw new CheckpointError(`${path} is not a JSON object.`, {
    hint: "Download the file again, or remove it.",
  });
}

async function makeParent(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw writeFault(error, dirname(path));
  }
}
