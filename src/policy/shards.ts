/** Weights spread over files: which tensor goes where, and writing them as they come. */

import { join } from "node:path";
import { ShapeError } from "../errors.ts";
import { MODEL, singleFile } from "./checkpoint-files.ts";
import { sizeOf } from "./parameters.ts";
import { BYTES_OF } from "./safetensors-header.ts";
import { SafetensorsWriter, type PlannedTensor } from "./safetensors-writer.ts";

/** Ends the name of a file that is still being written. */
export const PARTIAL = ".partial";

export type NamedParameters =
  | Iterable<readonly [string, Float32Array]>
  | AsyncIterable<readonly [string, Float32Array]>;

export interface Shard {
  readonly file: string;
  readonly tensors: readonly Required<PlannedTensor>[];
}

/** Bytes of a tensor in its file. */
export function bytesIn({ shape, type }: Required<PlannedTensor>): number {
  return sizeOf(shape) * BYTES_OF[type];
}

/** Tensors in order, a new file where the next one would not fit, named as transformers names them; `stem` begins the names. */
export function planShards(
  tensors: readonly Required<PlannedTensor>[],
  maxShardBytes: number,
  stem = MODEL,
): Shard[] {
  const groups: Required<PlannedTensor>[][] = [];
  let open: Required<PlannedTensor>[] = [];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = bytesIn(tensor);
    if (open.length > 0 && bytes + size > maxShardBytes) {
      groups.push(open);
      [open, bytes] = [[], 0];
    }
    open.push(tensor);
    bytes += size;
  }
  if (open.length > 0) groups.push(open);
  if (groups.length === 1) return groups.map((group) => ({ file: singleFile(stem), tensors: group }));
  const number = (value: number): string => String(value).padStart(5, "0");
  return groups.map((group, index) => ({
    file: `${stem}-${number(index + 1)}-of-${number(groups.length)}.safetensors`,
    tensors: group,
  }));
}

/** Writes every shard under its name plus PARTIAL. Throws ShapeError where the parameters are not exactly the planned ones. */
export async function writeShards(
  directory: string,
  shards: readonly Shard[],
  parameters: NamedParameters,
): Promise<void> {
  const writers: SafetensorsWriter[] = [];
  const writerOf = new Map<string, SafetensorsWriter>();
  try {
    for (const { file, tensors } of shards) {
      const writer = await SafetensorsWriter.create(join(directory, file + PARTIAL), tensors, "F32");
      writers.push(writer);
      for (const { name } of tensors) writerOf.set(name, writer);
    }
    for await (const [name, values] of parameters) {
      const writer = writerOf.get(name);
      if (writer === undefined) throw new ShapeError(`A policy of this config has no parameter ${name}.`);
      await writer.write(name, values);
    }
    for (const writer of writers) await writer.finish();
  } catch (error) {
    await Promise.all(writers.map((writer) => writer.abandon()));
    throw error;
  }
}
