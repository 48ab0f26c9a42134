/** Where a policy's parameters come from: arrays, a Hugging Face directory, an adapter of PEFT's, or fresh values. */

import { CheckpointError } from "../../errors.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { initialLora, loraShapes, type LoraPair, type LoraSettings } from "../../policy/lora.ts";
import { openLoraDirectory } from "../../policy/lora-files.ts";
import { parameterShapes } from "../../policy/parameters.ts";
import { openPolicyDirectory } from "../../policy/policy-directory.ts";
import type { Arrays, OnLoad, PolicyWeights } from "../policy-engine.ts";
import { adapterNames, type GraphPolicy } from "./policy-parts.ts";

export interface ParameterSource {
  /**
   * One parameter's values. Where a place is given they are written there, and the place is returned.
   * Undefined for a name that the source does not have.
   */
  read(name: string, into?: Float32Array<ArrayBuffer>): Promise<Float32Array | undefined>;
  close(): Promise<void>;
}

export function arraySource(arrays: ReadonlyMap<string, Float32Array>): ParameterSource {
  return {
    read: async (name, into) => {
      const values = arrays.get(name);
      if (values === undefined || into === undefined || into.length !== values.length) return values;
      into.set(values);
      return into;
    },
    close: async () => {},
  };
}

/** The source, and word of every parameter that is read. */
export function watchedSource(source: ParameterSource, total: number, onLoad: OnLoad): ParameterSource {
  let read = 0;
  return {
    read: async (name, into) => {
      const values = await source.read(name, into);
      onLoad((read += values?.length ?? 0), total);
      return values;
    },
    close: () => source.close(),
  };
}

/** Opens a policy's directory. Throws CheckpointError where it does not fit `config`, before anything is read. */
export async function policySource(directory: string, config: PolicyConfig): Promise<ParameterSource> {
  const policy = await openPolicyDirectory(directory);
  try {
    requireSameShape(directory, config, policy.config);
  } catch (error) {
    await policy.close();
    throw error;
  }
  const names = new Set(policy.names);
  return {
    read: async (name, into) => (names.has(name) ? policy.read(name, into) : undefined),
    close: () => policy.close(),
  };
}

/** A trained adapter's matrices. Throws CheckpointError where it is not one of these settings for this policy. */
export async function readAdapter(
  directory: string,
  config: PolicyConfig,
  wanted: LoraSettings,
): Promise<Arrays> {
  const adapter = await openLoraDirectory(directory, config);
  try {
    const { settings, names } = adapter;
    const shapes = loraShapes(config, wanted);
    const isSame =
      settings.rank === wanted.rank &&
      settings.alpha === wanted.alpha &&
      settings.isRankStabilised === wanted.isRankStabilised &&
      names.length === shapes.length &&
      shapes.every(({ name }) => names.includes(name));
    if (!isSame) {
      throw new CheckpointError(
        `The adapter in ${directory} has rank ${settings.rank} and alpha ${settings.alpha} on ${names.length} projections; wanted are rank ${wanted.rank} and alpha ${wanted.alpha} on ${shapes.length}.`,
        { hint: "Give policy.lora the settings that the adapter was trained with." },
      );
    }
    const pairs = new Map<string, LoraPair>();
    for (const name of names) pairs.set(name, await adapter.read(name));
    return byMatrix(pairs);
  } finally {
    await adapter.close();
  }
}

/** A fresh adapter's matrices. */
export function freshAdapter(config: PolicyConfig, settings: LoraSettings, seed: number): Arrays {
  return byMatrix(initialLora(config, settings, seed));
}

function byMatrix(pairs: ReadonlyMap<string, LoraPair>): Arrays {
  return new Map(
    Array.from(pairs).flatMap(([name, { a, b }]) => {
      const names = adapterNames(name);
      return [
        [names.a, a],
        [names.b, b],
      ] as const;
    }),
  );
}

/**
 * Everything that a policy starts from. Where it has an adapter and neither files nor arrays hold one, a fresh one is
 * drawn. Throws CheckpointError where files do not fit the policy.
 */
export async function startSource(
  { config, trained = "all" }: GraphPolicy,
  weights: PolicyWeights,
): Promise<ParameterSource> {
  const policy =
    weights.kind === "arrays" ? arraySource(weights.arrays) : await policySource(weights.directory, config);
  if (trained === "all" || trained === "none") return policy;
  const adapters = arraySource(await adapterOf(weights, config, trained));
  return {
    read: async (name, into) => (await policy.read(name, into)) ?? adapters.read(name, into),
    close: () => policy.close(),
  };
}

/** The adapter that weights bring, or a fresh one. */
export async function adapterOf(
  weights: PolicyWeights,
  config: PolicyConfig,
  wanted: LoraSettings,
): Promise<Arrays> {
  switch (weights.kind) {
    case "adapter":
      return readAdapter(weights.adapter, config, wanted);
    case "files":
      return freshAdapter(config, wanted, weights.seed ?? 0);
    case "arrays":
      return freshAdapter(config, wanted, 0);
    default:
      return weights satisfies never;
  }
}

export function requireSameShape(directory: string, wanted: PolicyConfig, found: PolicyConfig): void {
  const foundShapes = new Map(parameterShapes(found).map(({ name, shape }) => [name, shape.join(" × ")]));
  const misfit = parameterShapes(wanted).find(
    ({ name, shape }) => foundShapes.get(name) !== shape.join(" × "),
  );
  if (misfit === undefined && foundShapes.size === parameterShapes(wanted).length) return;
  const detail =
    misfit === undefined
      ? `it has ${foundShapes.size} tensors`
      : `${misfit.name} is ${foundShapes.get(misfit.name) ?? "missing"} there and ${misfit.shape.join(" × ")} here`;
  throw new CheckpointError(`The policy in ${directory} has another shape than this run's: ${detail}.`, {
    hint: "Use the settings it was trained with, or start from it with policy.checkpoint.",
  });
}
