/** An engine's state on disk: a Hugging Face directory that anyone can load, and what AdamW remembers beside it. */

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { CheckpointError } from "../../errors.ts";
import type { PolicyConfig } from "../../policy/config.ts";
import { parameterShapes } from "../../policy/parameters.ts";
import { openPolicyDirectory } from "../../policy/policy-directory.ts";
import { SafetensorsFile } from "../../policy/safetensors.ts";
import { SafetensorsWriter } from "../../policy/safetensors-writer.ts";
import { savePolicyDirectory } from "../../policy/save-policy.ts";
import type { Arrays, OptimizerState } from "./policy-state.ts";

/** Files to write beside the weights, by name. */
export type CheckpointFiles = ReadonlyMap<string, Uint8Array>;

const MOMENTS = "optimizer.safetensors";
const STEP = "optimizer.json";
const firstMoment = (name: string): string => `m:${name}`;
const secondMoment = (name: string): string => `v:${name}`;

interface EngineState {
  readonly config: PolicyConfig;
  readonly parameters: Arrays;
  readonly optimizer: OptimizerState;
}

/** Writes the policy and its optimizer's state into an existing directory. */
export async function saveEngine(
  directory: string,
  state: EngineState,
  companions: CheckpointFiles = new Map(),
): Promise<void> {
  await savePolicyDirectory(directory, state.config, state.parameters, { tokenizerFiles: companions });
  const moments = parameterShapes(state.config).flatMap(({ name, shape }) => [
    { name: firstMoment(name), shape },
    { name: secondMoment(name), shape },
  ]);
  const writer = await SafetensorsWriter.create(join(directory, MOMENTS), moments, "F32");
  const { step, firstMoments, secondMoments } = state.optimizer;
  for (const { name } of parameterShapes(state.config)) {
    await writer.write(firstMoment(name), firstMoments.get(name) as Float32Array);
    await writer.write(secondMoment(name), secondMoments.get(name) as Float32Array);
  }
  await writer.finish();
  await writeFile(join(directory, STEP), `${JSON.stringify({ step })}\n`);
}

/**
 * Reads what `saveEngine` wrote; a directory without optimizer state starts a fresh one.
 * Throws CheckpointError where the policy in it has another shape than `config`.
 */
export async function loadEngine(
  directory: string,
  config: PolicyConfig,
): Promise<{ readonly parameters: Arrays; readonly optimizer?: OptimizerState }> {
  const policy = await openPolicyDirectory(directory);
  const parameters: Arrays = new Map();
  try {
    requireSameShape(directory, config, policy.config);
    for (const { name } of parameterShapes(config)) parameters.set(name, await policy.read(name));
  } finally {
    await policy.close();
  }
  if (!existsSync(join(directory, MOMENTS))) return { parameters };

  const { step } = JSON.parse(await readFile(join(directory, STEP), "utf8")) as { step: number };
  const file = await SafetensorsFile.open(join(directory, MOMENTS));
  try {
    const [firstMoments, secondMoments]: [Arrays, Arrays] = [new Map(), new Map()];
    for (const { name } of parameterShapes(config)) {
      firstMoments.set(name, await file.read(firstMoment(name)));
      secondMoments.set(name, await file.read(secondMoment(name)));
    }
    return { parameters, optimizer: { step, firstMoments, secondMoments } };
  } finally {
    await file.close();
  }
}

function requireSameShape(directory: string, wanted: PolicyConfig, found: PolicyConfig): void {
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
