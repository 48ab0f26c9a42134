/**
 * An engine's state on disk: a Hugging Face directory that anyone can load, or an adapter in PEFT's layout where only
 * adapters are trained, and what AdamW remembers beside it.
 */

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { CheckpointError } from "../../errors.ts";
import { checkpointFault } from "../../policy/checkpoint-files.ts";
import { FaultList } from "../../policy/fault-list.ts";
import { finiteWeights } from "../../policy/finite-weights.ts";
import { loraShapes, type LoraSettings } from "../../policy/lora.ts";
import { saveLoraDirectory } from "../../policy/lora-files.ts";
import type { ParameterShape } from "../../policy/parameters.ts";
import { readJsonFile } from "../../policy/published-file.ts";
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
  const writer = await SafetensorsWriter.create(join(directory, MOMENTS), momentShapes(policy), "F32");
  const { step, firstMoments, secondMoments } = optimizer;
  for (const { name } of policyParts(policy).trained) {
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

const OptimizerFile = z.object({ step: z.int().min(1) });

async function openOptimizer(
  directory: string,
  policy: GraphPolicy,
): Promise<(OptimizerSource & { close(): Promise<void> }) | undefined> {
  const [moments, json] = [join(directory, MOMENTS), join(directory, STEP)];
  const isThere = [moments, json].filter((path) => existsSync(path));
  if (isThere.length === 0) return undefined;
  if (isThere.length === 1) {
    const missing = existsSync(moments) ? STEP : MOMENTS;
    throw new CheckpointError(`${directory} has an optimizer's state without ${missing}.`, { hint: WHOLE });
  }
  const parsed = OptimizerFile.safeParse(await readJsonFile(json, WHOLE));
  if (!parsed.success) {
    throw new CheckpointError(`${json} does not say how many steps were made, as {"step": 12}.`, {
      hint: WHOLE,
    });
  }
  const file = await SafetensorsFile.open(moments);
  try {
    requireMoments(file, policy);
  } catch (error) {
    await file.close();
    throw error;
  }
  const source = (nameOf: (name: string) => string, least: number): ParameterSource => ({
    read: async (name, into) => {
      const values = finiteWeights(await file.read(nameOf(name), into), nameOf(name), moments);
      if (values.every((value) => value >= least)) return values;
      throw new CheckpointError(
        `${moments}: ${nameOf(name)} is a mean of squares, but has negative values.`,
        {
          hint: WHOLE,
        },
      );
    },
    close: async () => {},
  });
  return {
    step: parsed.data.step,
    firstMoments: source(firstMoment, -Infinity),
    secondMoments: source(secondMoment, 0),
    close: () => file.close(),
  };
}

const WHOLE = "Copy the checkpoint again, or go on from an earlier one.";

/** Throws CheckpointError that lists every moment that is missing, unexpected or of another shape. */
function requireMoments({ path, entries }: SafetensorsFile, policy: GraphPolicy): void {
  const expected = new Map(momentShapes(policy).map(({ name, shape }) => [name, shape.join(" × ")]));
  const faults = new FaultList();
  for (const [name, shape] of expected) {
    const found = entries.get(name);
    if (found === undefined) faults.add(() => `${name}: missing`);
    else if (found.shape.join(" × ") !== shape)
      faults.add(() => `${name}: [${found.shape.join(" × ")}], the parameter is [${shape}]`);
  }
  for (const name of entries.keys()) {
    if (!expected.has(name)) faults.add(() => `${name}: the policy trains no such parameter`);
  }
  if (faults.count > 0) throw checkpointFault(`${path} is not the optimizer state of this policy`, faults);
}

/** Both moments of every trained parameter, in the order they are written. */
function momentShapes(policy: GraphPolicy): ParameterShape[] {
  return policyParts(policy).trained.flatMap(({ name, shape }) => [
    { name: firstMoment(name), shape },
    { name: secondMoment(name), shape },
  ]);
}
