/**
 * An engine's state on disk: a Hugging Face directory that anyone can load, or an adapter in PEFT's layout where only
 * adapters are trained, and what AdamW remembers beside it.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { loraShapes, type LoraSettings } from "../../policy/lora.ts";
import { saveLoraDirectory } from "../../policy/lora-files.ts";
import { savePolicyDirectory } from "../../policy/save-policy.ts";
import { arraySource, policySource, readAdapter, type ParameterSource } from "./parameter-source.ts";
import type { Arrays, CheckpointFiles } from "../policy-engine.ts";
import { openOptimizer, saveOptimizer } from "./optimizer-files.ts";
import { adapterNames, type GraphPolicy } from "./policy-parts.ts";
import type { OptimizerSource, OptimizerState } from "./policy-state.ts";

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

export interface OpenedCheckpoint {
  readonly parameters: ParameterSource;
  readonly optimizer?: OptimizerSource;
  close(): Promise<void>;
}

/**
 * Opens what `saveEngine` wrote; a directory without optimizer state starts a fresh one. Throws CheckpointError where
 * the policy or the adapter in it has another shape, or the optimizer's state is damaged or another policy's, before
 * anything is read.
 */
export async function openCheckpoint(directory: string, policy: GraphPolicy): Promise<OpenedCheckpoint> {
  const { config, trained = "all" } = policy;
  const parameters =
    trained === "all" || trained === "none"
      ? await policySource(directory, config)
      : arraySource(await readAdapter(directory, config, trained));
  try {
    const optimizer = await openOptimizer(directory, policy);
    if (optimizer === undefined) return { parameters, close: () => parameters.close() };
    return {
      parameters,
      optimizer,
      close: async () => {
        await parameters.close();
        await optimizer.close();
      },
    };
  } catch (error) {
    await parameters.close();
    throw error;
  }
}
