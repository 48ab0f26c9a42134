/** Weights of an encoder, matched to the graph that asks for them: what is missing or misshapen is said all at once. */

import { checkpointFault, openCheckpointFiles, type StoredTensor } from "../policy/checkpoint-files.ts";
import { FaultList } from "../policy/fault-list.ts";
import { finiteWeights } from "../policy/finite-weights.ts";
import { isFloat } from "../policy/safetensors-header.ts";
import { input } from "../tensor/ops/leaves.ts";
import type { Feeds } from "../tensor/session.ts";
import type { Shape, Value } from "../tensor/value.ts";
import type { Parameters } from "./transformer.ts";

/** Inputs of a graph that parameters are fed to, and the list of those that it asked for. */
export class ParameterInputs {
  readonly shapes = new Map<string, Shape>();
  readonly #values = new Map<string, Value>();

  readonly parameters: Parameters = (name, shape) => {
    const value = this.#values.get(name) ?? input(name, shape);
    this.#values.set(name, value);
    this.shapes.set(name, shape);
    return value;
  };
}

/**
 * Reads tensors by name. Names in the files may stand behind a `prefix` ("vit."), as they do in a model with a head.
 * Throws CheckpointError that lists every one that is missing, misshapen or no floating-point tensor.
 */
export async function readWeights(
  directory: string,
  shapes: ReadonlyMap<string, Shape>,
  prefix = "",
): Promise<Feeds> {
  const files = await openCheckpointFiles(directory);
  try {
    const faults = new FaultList();
    const found = new Map<string, StoredTensor>();
    for (const [name, shape] of shapes) {
      const tensor = files.tensors.get(name) ?? files.tensors.get(prefix + name);
      if (tensor === undefined) faults.add(() => `${name}: missing from ${files.listing}`);
      else if (tensor.entry.shape.join() !== shape.join() || !isFloat(tensor.entry.type)) {
        faults.add(() => misfit(tensor, shape));
      } else found.set(name, tensor);
    }
    if (faults.count > 0) {
      throw checkpointFault(`The weights in ${directory} do not fit its config.json`, faults);
    }
    const feeds: Record<string, Float32Array> = {};
    for (const [name, { entry, file }] of found) {
      feeds[name] = finiteWeights(await file.read(entry.name), entry.name, file.path);
    }
    return feeds;
  } finally {
    await files.close();
  }
}

function misfit({ entry, file }: StoredTensor, shape: Shape): string {
  return isFloat(entry.type)
    ? `${entry.name}: in ${file.path} it is [${entry.shape.join(", ")}], config.json needs [${shape.join(", ")}]`
    : `${entry.name}: in ${file.path} it is ${entry.type}, not a floating-point tensor`;
}
