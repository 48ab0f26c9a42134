/**
 * An engine's state on disk: a Hugging Face directory that anyone can load, or an adapter in PEFT's layout where only
 * adapters are trained, and what AdamW remembers beside it.
 */

import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { loraShapes, type LoraSettings } from "../../policy/lora.ts";
import { saveLoraDirectory } from "../../policy/lora-files.ts";
import { SafetensorsFile } from "../../policy/safetensors.ts";
import { SafetensorsWriter } from "../../policy/safetensors-writer.ts";
import { savePolicyDirectory } from "../../policy/save-policy.ts";
import { arraySource, policySource, readAdapter, type ParameterSource } from "./parameter-source.ts";
import type { Arrays, CheckpointFiles } from "../policy-engine.ts";
import { adapterNames, policyParts, type GraphPolicy } from "./policy-parts.ts";
import type { OptimizerSource, OptimizerState } from "./policy-state.ts";

const MOMENTS = "optimizer.safetensors";
const STEP = "optimizer.json";
const firstMoment = (name: string): string => `m:${name}`;
const secondMoment = (name: string): string => `v:${name}`;

export interface EngineState {
  readonly policy: GraphPolicy;
  /** Trained parameters, or all where nothing is trained. */
  readonly parameters: Arrays;
  /** Absent before the first step. */
  readonly optimizer: OptimizerState | undefined;
  /** Path or hub name of the weights that an adapter belongs to. */
  readonly base: string | null;
}

/** Writes the policy, or its adapter, and the optimizer's state into an existing directory. */
export async function saveEngine(
  directory: string,
  state: EngineState,
  companions: CheckpointFiles = new Map(),
): Promise<void> {
  const { config, trained = "all" } = state.policy;
  if (trained === "all" || trained === "none") {
    await savePolicyDirectory(directory, config, state.parameters, { tokenizerFiles: companions });
  } else {
    await saveAdapter(directory, state, trained);
    for (const [file, content] of companions) await writeFile(join(directory, file), content);
  }
  if (state.optimizer !== undefined) await saveOptimizer(directory, state.policy, state.optimizer);
}

async function saveAdapter(directory: string, state: EngineState, settings: LoraSettings): Promise<void> {
  const { config } = state.policy;
  const pairs = new Map(
    loraShapes(config, settings).map(({ name }) => {
      const { a, b } = adapterNames(name);
      const [down, up] = [state.parameters.get(a), state.parameters.get(b)];
      return [name, { a: down as Float32Array, b: up as Float32Array }];
    }),
  );
  await mkdir(directory, { recursive: true });
  await saveLoraDirectory(directory, { config, settings, pairs }, state.base);
}

async function saveOptimizer(
  directory: string,
  policy: GraphPolicy,
  optimizer: OptimizerState,
): Promise<void> {
  const { trained } = policyParts(policy);
  const moments = trained.flatMap(({ name, shape }) => [
    { name: firstMoment(name), shape },
    { name: secondMoment(name), shape },
  ]);
  const writer = await SafetensorsWriter.create(join(directory, MOMENTS), moments, "F32");
  const { step, firstMoments, secondMoments } = optimizer;
  for (const { name } of trained) {
    await writer.write(firstMoment(name), firstMoments.get(name) as Float32Array);
    await writer.write(secondMoment(name), secondMoments.get(name) as Float32Array);
  }
  await writer.finish();
  await writeFile(join(directory, STEP), `${JSON.stringify({ step })}\n`);
}

export interface OpenedCheckpoint {
  readonly parameters: ParameterSource;
  readonly optimizer?: OptimizerSource;
  close(): Promise<void>;
}

/**
 * Opens what `saveEngine` wrote; a directory without optimizer state starts a fresh one.
 * Throws CheckpointError where the policy or the adapter in it has another shape, before anything is read.
 */
export async function openCheckpoint(directory: string, policy: GraphPolicy): Promise<OpenedCheckpoint> {
  const { config, trained = "all" } = policy;
  const parameters =
    trained === "all" || trained === "none"
      ? await policySource(directory, config)
      : arraySource(await readAdapter(directory, config, trained));
  if (!existsSync(join(directory, MOMENTS))) return { parameters, close: () => parameters.close() };

  const { step } = JSON.parse(await readFile(join(directory, STEP), "utf8")) as { step: number };
  const file = await SafetensorsFile.open(join(directory, MOMENTS));
  const moments = (nameOf: (name: string) => string): ParameterSource => ({
    read: (name, into) => file.read(nameOf(name), into),
    close: async () => {},
  });
  return {
    parameters,
    optimizer: { step, firstMoments: moments(firstMoment), secondMoments: moments(secondMoment) },
    close: async () => {
      await parameters.close();
      await file.close();
    },
  };
}
