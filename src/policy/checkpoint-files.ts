/**
 * The weight files of a Hugging Face directory as one set of tensors: `model.safetensors`, or shards listed by
 * `model.safetensors.index.json`. Opening reads headers alone.
 */

import { access } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { FaultList } from "./fault-list.ts";
import { readJsonFile } from "./published-file.ts";
import type { TensorEntry } from "./safetensors-header.ts";
import { SafetensorsFile } from "./safetensors.ts";

/** What the names of weight files begin with. */
export const MODEL = "model";
export const singleFile = (stem: string): string => `${stem}.safetensors`;
export const indexFile = (stem: string): string => `${stem}.safetensors.index.json`;
export const SINGLE_FILE = singleFile(MODEL);
export const INDEX_FILE = indexFile(MODEL);

export interface StoredTensor {
  readonly entry: TensorEntry;
  readonly file: SafetensorsFile;
}

export interface CheckpointFiles {
  /** By stored name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The file that lists the tensors: the index, or the only file. */
  readonly listing: string;
  close(): Promise<void>;
}

const Index = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * Opens every weight file of a directory whose name begins with `stem`. Throws CheckpointError where none is there, one is damaged, or the index
 * and its shards disagree; all disagreements in one. Where both forms lie there the single file counts, as in
 * transformers.
 */
export async function openCheckpointFiles(directory: string, stem = MODEL): Promise<CheckpointFiles> {
  const single = join(directory, singleFile(stem));
  if (await exists(single)) return openSingle(single);
  const index = join(directory, indexFile(stem));
  if (await exists(index)) return openShards(directory, index);
  throw new CheckpointError(`${directory} has neither ${singleFile(stem)} nor ${indexFile(stem)}.`, {
    hint: (await exists(join(directory, "pytorch_model.bin")))
      ? "It has pickled weights (pytorch_model.bin); save them as safetensors with transformers."
      : "Download the weights, or point to the directory that holds them.",
  });
}

async function openSingle(path: string): Promise<CheckpointFiles> {
  const file = await SafetensorsFile.open(path);
  const tensors = new Map([...file.entries].map(([name, entry]) => [name, { entry, file }]));
  return { tensors, listing: path, close: () => file.close() };
}

async function openShards(directory: string, index: string): Promise<CheckpointFiles> {
  const weightMap = await readWeightMap(index);
  const files = new Map<string, SafetensorsFile>();
  const close = async (): Promise<void> => {
    await Promise.all([...files.values()].map((file) => file.close()));
  };
  try {
    const faults = new FaultList();
    for (const name of new Set(weightMap.values())) {
      // An index from elsewhere must not make us open files outside its folder.
      if (basename(name) !== name) faults.add(() => `${index}: ${name} is not the name of a file beside it`);
      else if (await exists(join(directory, name))) {
        files.set(name, await SafetensorsFile.open(join(directory, name)));
      } else faults.add(() => `${join(directory, name)} is listed by the index but not there`);
    }
    const tensors = new Map<string, StoredTensor>();
    for (const [tensor, name] of weightMap) {
      const file = files.get(name);
      const entry = file?.entries.get(tensor);
      if (file !== undefined && entry === undefined)
        faults.add(() => `${tensor}: the index says ${file.path}, which does not have it`);
      if (file !== undefined && entry !== undefined) tensors.set(tensor, { entry, file });
    }
    for (const file of files.values()) {
      for (const tensor of file.entries.keys()) {
        if (!weightMap.has(tensor)) faults.add(() => `${tensor}: in ${file.path}, but not in the index`);
      }
    }
    if (faults.count > 0)
      throw checkpointFault(`The weights in ${directory} do not match their index`, faults);
    return { tensors, listing: index, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A CheckpointError that lists faults. */
export function checkpointFault(
  what: string,
  faults: FaultList,
  hint = "Download the checkpoint again, or check that config.json and weights belong together.",
): CheckpointError {
  return new CheckpointError(`${what}:\n${faults.lines()}`, { hint });
}

async function readWeightMap(index: string): Promise<ReadonlyMap<string, string>> {
  const parsed = Index.safeParse(await readJsonFile(index, "Check its permissions."));
  if (parsed.success) return new Map(Object.entries(parsed.data.weight_map));
  throw new CheckpointError(`${index} is not an index of weights.`, {
    cause: parsed.error,
    hint: "Download it again.",
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
