/**
 * Which stored tensor is which parameter of a config. Everything that does not fit is found here, before any work:
 * missing, unexpected, doubled and misshapen tensors, each with its file.
 */

import { checkpointFault } from "./checkpoint-files.ts";
import type { CheckpointFiles, StoredTensor } from "./checkpoint-files.ts";
import { plainName } from "./checkpoint-names.ts";
import type { PolicyConfig } from "./config.ts";
import { FaultList } from "./fault-list.ts";
import { EMBEDDING, HEAD, parameterShapes } from "./parameters.ts";
import { isFloat } from "./safetensors-header.ts";

export interface MatchedWeights {
  /** Each parameter's tensor by plain name, in the order of the forward pass. */
  readonly found: ReadonlyMap<string, StoredTensor>;
  /** Stored names that are no part of the language model. */
  readonly skipped: readonly string[];
}

/** Matches files to a config. Throws CheckpointError that lists every disagreement; `directory` names the place. */
export function matchWeights(
  config: PolicyConfig,
  files: CheckpointFiles,
  directory: string,
): MatchedWeights {
  const faults = new FaultList();
  const skipped: string[] = [];
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of files.tensors) {
    const placed = plainName(name);
    const other = placed.kind === "parameter" ? stored.get(placed.name) : undefined;
    // A tied head is the embedding once more; transformers ties it over whatever is stored.
    if (placed.kind === "skipped" || (placed.name === HEAD && config.tieEmbeddings)) skipped.push(name);
    else if (other === undefined) stored.set(placed.name, tensor);
    else
      faults.add(
        () =>
          `${name}: in ${tensor.file.path}, and the same parameter as ${other.entry.name} in ${other.file.path}`,
      );
  }

  const found = new Map<string, StoredTensor>();
  for (const { name, shape } of parameterShapes(config)) {
    const tensor = stored.get(name);
    stored.delete(name);
    if (tensor === undefined) faults.add(() => missing(name, files, config));
    else {
      if (!fits(tensor, shape)) faults.add(() => misfit(tensor, shape));
      found.set(name, tensor);
    }
  }
  for (const { entry, file } of stored.values()) {
    faults.add(() => `${entry.name}: in ${file.path}, but a policy of this config has no such parameter`);
  }
  if (faults.count > 0)
    throw checkpointFault(`The weights in ${directory} do not fit its config.json`, faults);
  return { found, skipped };
}

function missing(name: string, files: CheckpointFiles, config: PolicyConfig): string {
  const fault = `${name}: missing from ${files.listing}`;
  if (name === HEAD) return `${fault}, and tie_word_embeddings is false`;
  return name === EMBEDDING && config.tieEmbeddings ? `${fault}, and the head is tied to it` : fault;
}

function fits({ entry }: StoredTensor, shape: readonly number[]): boolean {
  return entry.shape.join() === shape.join() && isFloat(entry.type);
}

function misfit({ entry, file }: StoredTensor, shape: readonly number[]): string {
  return isFloat(entry.type)
    ? `${entry.name}: in ${file.path} it is [${entry.shape.join(", ")}], config.json needs [${shape.join(", ")}]`
    : `${entry.name}: in ${file.path} it is ${entry.type}, not a floating-point tensor`;
}
