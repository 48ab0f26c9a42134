/**
 * Where the workers find a policy's weights: arrays that travel with the call, or places in files, of which each worker
 * reads its own rows.
 */

import { resolve } from "node:path";

import { ShapeError } from "../../errors.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { sizeOf } from "../../policy/parameters.ts";
import { openPolicyDirectory } from "../../policy/policy-directory.ts";
import type { Trained } from "../engine-host.ts";
import { adapterOf, requireSameShape } from "../onnx/parameter-source.ts";
import { policyParts } from "../onnx/policy-parts.ts";
import type { PolicyWeights } from "../policy-engine.ts";

/** By parameter: the file, and the tensor's name in there. */
export type Places = Readonly<Record<string, readonly [path: string, key: string]>>;

export interface PlacedWeights {
  readonly arrays: ReadonlyMap<string, Float32Array>;
  readonly places: Places;
  /** The directory that the base's weights lie in; null where they were handed over. */
  readonly base: string | null;
}

export interface PlacedPolicy {
  readonly config: PolicyConfig;
  readonly trained: Trained;
}

/** Throws CheckpointError or ShapeError where weights do not fit the policy; values are checked by who reads them. */
export async function placeWeights(
  { config, trained }: PlacedPolicy,
  weights: PolicyWeights,
): Promise<PlacedWeights> {
  const isAdapted = trained !== "all" && trained !== "none";
  const given = weights.kind === "arrays" ? new Map(weights.arrays) : new Map<string, Float32Array>();
  const places = weights.kind === "arrays" ? {} : await policyPlaces(weights.directory, config);
  const missing = isAdapted ? await adapterOf(weights, config, trained) : new Map<string, Float32Array>();
  const arrays = new Map([...missing, ...given]);
  const parts = policyParts({ config, trained });
  const known = [...parts.trained, ...parts.given];
  for (const { name, shape } of known) {
    const values = arrays.get(name);
    if (name in places || values?.length === sizeOf(shape)) continue;
    throw new ShapeError(
      `The parameter ${name} has shape [${shape.join(", ")}], got ${values?.length ?? 0} values.`,
    );
  }
  const names = new Set(known.map(({ name }) => name));
  for (const name of arrays.keys()) if (!names.has(name)) arrays.delete(name);
  if (weights.kind === "arrays") weights.arrays.clear();
  return { arrays, places, base: weights.kind === "arrays" ? null : resolve(weights.directory) };
}

/** Throws CheckpointError where the directory's policy has another shape. */
export async function policyPlaces(directory: string, config: PolicyConfig): Promise<Places> {
  const policy = await openPolicyDirectory(directory);
  try {
    requireSameShape(directory, config, policy.config);
    return Object.fromEntries(
      policy.names.map((name) => {
        const { path, key } = policy.placeOf(name);
        return [name, [resolve(path), key]] as const;
      }),
    );
  } finally {
    await policy.close();
  }
}
