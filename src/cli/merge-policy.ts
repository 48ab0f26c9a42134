/**
 * A base and its LoRA adapter as one policy on disk: each tensor in the base's own type unless another is asked for,
 * its tokenizer beside them.
 */

import { existsSync, readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CheckpointError, ConfigError } from "../errors.ts";
import { mergeLora, openLoraDirectory } from "../policy/lora-files.ts";
import { openPolicyDirectory, type PolicyDirectory } from "../policy/policy-directory.ts";
import { readJsonFile, readPublishedFile } from "../policy/published-file.ts";
import type { FloatType } from "../policy/safetensors-writer.ts";
import { savePolicyDirectory, weightBytes, type SaveOptions } from "../policy/save-policy.ts";
import { writeDirectoryAtomically } from "../runs/atomic-write.ts";
import { requireFreeSpace } from "../runs/free-space.ts";
import { makeFolders, removeEmptyFolders, requireWritableFolder } from "../runs/writable-place.ts";

export interface MergeProgress {
  readonly onStart: (tensors: number) => void;
  readonly onTensor: (done: number, name: string) => void;
  /** Aborted, with what is then thrown, when the merge should stop and leave nothing. */
  readonly signal?: AbortSignal;
}

export interface MergePaths {
  readonly base: string;
  readonly adapter: string;
  /** Must not hold anything. */
  readonly out: string;
  /** How weights are written; each as in the base where not given. */
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

/**
 * Throws CheckpointError where base or adapter do not load or fit together, ConfigError, DataError or EngineError where
 * the place cannot take the result; then, and when it is stopped, nothing is left at `out`.
 */
export async function mergePolicy(paths: MergePaths, progress: MergeProgress): Promise<Merged> {
  const base = await openPolicyDirectory(paths.base);
  try {
    const adapter = await openLoraDirectory(paths.adapter, base.config);
    try {
      const options: SaveOptions = {
        type: paths.type ?? ((name) => writtenType(base, name)),
        tokenizerFiles: await tokenizerFiles(paths.base),
        generationConfig: await generationConfig(paths.base),
      };
      await requireFreeSpace(paths.out, weightBytes(base.config, options.type));
      progress.onStart(base.names.length);
      await writeOut(paths.out, (folder) =>
        savePolicyDirectory(folder, base.config, counted(mergeLora(base, adapter), progress), options),
      );
      return { tensors: base.names.length, adapted: adapter.names.length, skipped: base.skipped.length };
    } finally {
      await adapter.close();
    }
  } finally {
    await base.close();
  }
}

/** Throws where a merge could not write, or would have to replace something. */
export function requireEmptyPlace(out: string): void {
  requireWritableFolder(out);
  if (existsSync(out) && readdirSync(out).length > 0) {
    throw new ConfigError(`${out} exists already.`, { hint: "Choose a folder that is not there yet." });
  }
}

async function writeOut(out: string, write: (folder: string) => Promise<void>): Promise<void> {
  const made = makeFolders(dirname(out));
  try {
    await writeDirectoryAtomically(out, async (folder) => {
      await write(folder);
      // A long merge leaves others time to use the place, and what is theirs is not to be replaced.
      if (existsSync(out)) requireEmptyPlace(out);
    });
  } catch (error) {
    removeEmptyFolders(made);
    throw error;
  }
}

async function* counted(
  tensors: AsyncIterable<readonly [string, Float32Array]>,
  { onTensor, signal }: MergeProgress,
): AsyncGenerator<readonly [string, Float32Array]> {
  let done = 0;
  for await (const tensor of tensors) {
    signal?.throwIfAborted();
    yield tensor;
    onTensor((done += 1), tensor[0]);
  }
}

/** Float64 is more than any engine reads. */
function writtenType(base: PolicyDirectory, name: string): FloatType {
  const type = base.typeOf(name);
  return type === "BF16" || type === "F16" ? type : "F32";
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
