/** What lies in a policy's weight files: types, sizes, and whether every number is one. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { formatBytes } from "../format.ts";
import { INDEX_FILE, openCheckpointFiles, SINGLE_FILE } from "../policy/checkpoint-files.ts";
import { countNotFinite } from "../policy/finite-weights.ts";
import { openPolicyDirectory, type PolicyDirectory } from "../policy/policy-directory.ts";

export interface StoredWeights {
  /** As the files name them. */
  readonly types: readonly string[];
  readonly tensors: number;
  readonly bytes: number;
  /** Tensors with values that are NaN or infinite, and how many; undefined where the weights were not read. */
  readonly notFinite?: readonly { readonly name: string; readonly count: number }[];
}

/** So many bytes are read without being asked for: a second or two. */
const READ_ANYWAY = 2 ** 30;

/** Undefined where there are none; throws CheckpointError where they do not fit the config. */
export async function storedWeights(
  directory: string,
  readsAll: boolean,
): Promise<StoredWeights | undefined> {
  if (![SINGLE_FILE, INDEX_FILE].some((name) => existsSync(join(directory, name)))) return undefined;
  const files = await openCheckpointFiles(directory);
  const entries = [...files.tensors.values()].map(({ entry }) => entry);
  await files.close();
  const policy = await openPolicyDirectory(directory);
  try {
    const bytes = entries.reduce((sum, { begin, end }) => sum + end - begin, 0);
    return {
      types: [...new Set(entries.map(({ type }) => type))],
      tensors: policy.names.length,
      bytes,
      ...(readsAll || bytes <= READ_ANYWAY ? { notFinite: await notFinite(policy) } : {}),
    };
  } finally {
    await policy.close();
  }
}

async function notFinite(policy: PolicyDirectory): Promise<{ name: string; count: number }[]> {
  const found: { name: string; count: number }[] = [];
  for (const name of policy.names) {
    const count = countNotFinite(await policy.readUnchecked(name));
    if (count > 0) found.push({ name, count });
  }
  return found;
}

/** One line for a person. */
export function describeWeights(weights: StoredWeights | undefined): string {
  if (weights === undefined) return "not here, config.json alone";
  const { tensors, types, bytes } = weights;
  return `${tensors} tensors that fit the config, ${types.join(" and ")}, ${formatBytes(bytes)}, ${finiteness(weights)}`;
}

function finiteness({ notFinite: faults }: StoredWeights): string {
  if (faults === undefined) return "not read (--check reads them)";
  const [first] = faults;
  if (first === undefined) return "all finite";
  const more = faults.length === 1 ? "" : ` and in ${faults.length - 1} more tensors`;
  return `NOT FINITE: ${first.count.toLocaleString("en-US")} NaN or infinite values in ${first.name}${more}`;
}
