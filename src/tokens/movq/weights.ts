/**
 * The weights of a MoVQ on disk. Opening compares names and shapes with the config; the numbers of one half are read
 * when that half is first used, one file open at a time.
 */

import { requireRoom } from "../../machine-memory.ts";
import { openCheckpointFiles, checkpointFault, type StoredTensor } from "../../policy/checkpoint-files.ts";
import { FaultList } from "../../policy/fault-list.ts";
import { finiteWeights } from "../../policy/finite-weights.ts";
import { BYTES_OF, isFloat } from "../../policy/safetensors-header.ts";
import { SafetensorsFile } from "../../policy/safetensors.ts";
import { sizeOf, type Shape } from "../../tensor/value.ts";
import type { MovqConfigFile } from "./config-file.ts";
import { movqName } from "./names.ts";
import { allMovqShapes } from "./parameters.ts";

/** Reads parameters by the names of Emu3's own code. */
export type ReadParameters = (names: Iterable<string>) => Promise<ReadonlyMap<string, Float32Array>>;

export interface MovqPlace {
  /** Name in the file. */
  readonly stored: string;
  readonly path: string;
}

/**
 * Matches the weight files of a directory to its config, for this process to read. Throws CheckpointError that lists
 * every missing, misshapen, doubled and unexpected tensor with its file.
 */
export async function openMovqWeights(directory: string, file: MovqConfigFile): Promise<ReadParameters> {
  const values = [...allMovqShapes(file.config).values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
  requireRoom(`The vision tokenizer in ${directory}`, values * BYTES_OF.F32);
  const places = await placeMovqWeights(directory, file);
  return (names) => readPlaces(new Map(Array.from(names, (name) => [name, places.get(name) as MovqPlace])));
}

/** Where each parameter lies, by the names of Emu3's own code. Throws CheckpointError as `openMovqWeights`. */
export async function placeMovqWeights(
  directory: string,
  { config, isNested }: MovqConfigFile,
): Promise<ReadonlyMap<string, MovqPlace>> {
  const files = await openCheckpointFiles(directory);
  const faults = new FaultList();
  const places = new Map<string, MovqPlace>();
  try {
    const expected = allMovqShapes(config);
    for (const [stored, tensor] of files.tensors) {
      const name = movqName(stored, isNested);
      if (name === undefined) continue;
      const other = places.get(name);
      const fault =
        other === undefined
          ? misfit(tensor, expected.get(name))
          : `${stored}: in ${tensor.file.path}, and the same parameter as ${other.stored} in ${other.path}`;
      if (fault !== undefined) faults.add(() => fault);
      places.set(name, { stored, path: tensor.file.path });
    }
    for (const name of expected.keys()) {
      if (!places.has(name)) faults.add(() => `${name}: missing from ${files.listing}`);
    }
  } finally {
    await files.close();
  }
  if (faults.count > 0) {
    throw checkpointFault(
      `The vision tokenizer's weights in ${directory} do not fit its config.json`,
      faults,
    );
  }
  return places;
}

async function readPlaces(
  wanted: ReadonlyMap<string, MovqPlace>,
): Promise<ReadonlyMap<string, Float32Array>> {
  const tensors = new Map<string, Float32Array>();
  for (const path of new Set([...wanted.values()].map((place) => place.path))) {
    const file = await SafetensorsFile.open(path);
    try {
      for (const [name, place] of wanted) {
        if (place.path !== path) continue;
        tensors.set(name, finiteWeights(await file.read(place.stored), place.stored, path));
      }
    } finally {
      await file.close();
    }
  }
  return tensors;
}

function misfit({ entry, file }: StoredTensor, shape: Shape | undefined): string | undefined {
  if (shape === undefined) {
    return `${entry.name}: in ${file.path}, but a vision tokenizer of this config has no such parameter`;
  }
  if (withoutWindow(entry.shape).join() !== withoutWindow(shape).join()) {
    return `${entry.name}: in ${file.path} it is [${entry.shape.join(", ")}], config.json needs [${shape.join(", ")}]`;
  }
  return isFloat(entry.type)
    ? undefined
    : `${entry.name}: in ${file.path} it is ${entry.type}, not a floating-point tensor`;
}

/** transformers stores a 1 × 1 convolution of attention as a matrix: the same numbers without the window's axes. */
function withoutWindow(shape: Shape): Shape {
  return shape.slice(2).every((size) => size === 1) ? shape.slice(0, 2) : shape;
}
