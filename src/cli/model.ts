/** `earl model info` and `earl model merge`: what a policy is and needs, and an adapter made part of its base. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { CheckpointError, Interrupted } from "../errors.ts";
import { fetchProgress, HubNames } from "../experiment/hub-names.ts";
import { formatBytes, formatTable } from "../format.ts";
import { machineMemory } from "../machine-memory.ts";
import { readAdapterDirectory, type AdapterDirectory } from "../policy/adapter-directory.ts";
import type { PolicyConfig } from "../policy/config.ts";
import { readPolicyConfig } from "../policy/config-file.ts";
import { DTYPES } from "../policy/float-formats.ts";
import { ADAPTER_CONFIG_FILE } from "../policy/lora-config-file.ts";
import { openLoraDirectory } from "../policy/lora-files.ts";
import { describePolicy } from "../policy/policy-memory.ts";
import type { MemoryNeed, PolicyDescription, Workplace } from "../policy/policy-memory.ts";
import type { FloatType } from "../policy/safetensors-writer.ts";
import { resolveCheckpoint } from "../runs/checkpoint.ts";
import { isPolicyFile, verifyCheckpoint } from "../runs/checkpoint-state.ts";
import { required } from "./arguments.ts";
import { gpuPlan, planLines, type PlanFlags } from "./gpu-plan.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { locateRun } from "./locate-run.ts";
import { mergePolicy, requireEmptyPlace } from "./merge-policy.ts";
import { describeWeights, storedWeights, type StoredWeights } from "./stored-weights.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface InformationFlags extends PlanFlags {
  readonly json?: true;
  readonly tokens?: number;
  readonly loraRank: number;
  readonly check?: true;
}

/** Two pictures of 256 × 256 at 8 pixels a code, and words between them. */
const EDIT_TOKENS = 2304;

/** Describes a policy's directory, an adapter's with its base, or the best checkpoint of a run. */
export async function describe(
  path: string,
  flags: InformationFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { stdout } = surroundings;
  const names = new HubNames({ onProgress: fetchProgress(progressOn(surroundings)) });
  const directory = resolveCheckpoint(await names.checkpoint(locateRun(path)));
  await verifyCheckpoint(directory, isPolicyFile);
  const adapter = await readAdapterDirectory(directory);
  const base = adapter?.base ?? directory;
  const { config, modelType } = await readPolicyConfig(base);
  const weights = await storedWeights(base, flags.check === true);
  const tokens = flags.tokens ?? Math.min(config.maxPositions, EDIT_TOKENS);
  const loraRank = adapter?.settings.rank ?? flags.loraRank;
  const workplace = { memoryBytes: machineMemory(), tokens, loraRank };
  const description = describePolicy(config, workplace);
  const plan = gpuPlan(config, { ...flags, loraRank });
  if (flags.json === true) {
    const content = { directory, modelType, config, adapter, weights, workplace, ...description, plan };
    stdout.write(`${JSON.stringify(content, null, 2)}\n`);
    return;
  }
  const text = lines(description, weights, workplace);
  if (plan !== undefined) text.push("", ...planLines(plan));
  if (adapter !== undefined) text.unshift(...(await adapterLines(directory, adapter, config)), "");
  stdout.write(`${text.join("\n")}\n`);
}

async function adapterLines(
  directory: string,
  { base, settings }: AdapterDirectory,
  config: PolicyConfig,
): Promise<string[]> {
  const adapter = await openLoraDirectory(directory, config);
  let fault = "";
  try {
    for (const name of adapter.names) await adapter.read(name);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    fault = error.message;
  } finally {
    await adapter.close();
  }
  const { rank, alpha } = settings;
  const about = `LoRA adapter of rank ${rank}, alpha ${alpha} on ${adapter.names.length} projections; its base is ${base}:`;
  return fault === "" ? [about] : [about, fault];
}

function lines(
  description: PolicyDescription,
  weights: StoredWeights | undefined,
  workplace: Workplace,
): string[] {
  const { architecture, parameters, loraParameters, needs } = description;
  const { memoryBytes, tokens, loraRank } = workplace;
  const count = (value: number): string => value.toLocaleString("en-US");
  return [
    ...architecture,
    "",
    `parameters  ${count(parameters)}, and ${count(loraParameters)} in a LoRA adapter of rank ${loraRank}`,
    `weights     ${describeWeights(weights)}`,
    "",
    `Memory for one sequence of ${count(tokens)} tokens; this machine has ${formatBytes(memoryBytes)}.`,
    "",
    formatTable([
      ["task", "type", "weights", "cache", "gradients", "moments", "activations", "total", "engine"],
      ...needs.map(needRow),
    ]),
    "",
    "onnx is the engine in this process. torch: more than this machine or that engine holds; --workers N plans what each GPU of a cluster does.",
  ];
}

function needRow(need: MemoryNeed): string[] {
  const parts = [
    need.weightBytes,
    need.cacheBytes,
    need.gradientBytes,
    need.momentBytes,
    need.activationBytes,
  ];
  const sizes = parts.map((bytes) => (bytes === 0 ? "" : formatBytes(bytes)));
  return [need.task, need.type, ...sizes, formatBytes(need.totalBytes), need.engine];
}

const STORED_TYPES = Object.keys(DTYPES) as FloatType[];

export interface MergeFlags {
  readonly out?: string;
  readonly type?: string;
}

interface Merge extends MergeFlags {
  readonly base: string;
  readonly adapter: string;
}

/** Each of the two may be a run as well, whose best checkpoint is taken. */
export async function merge({ type, ...paths }: Merge, surroundings: Surroundings): Promise<void> {
  const out = required(paths.out, "--out DIR");
  requireEmptyPlace(out);
  const names = new HubNames({ onProgress: fetchProgress(progressOn(surroundings)) });
  const base = resolveCheckpoint(await names.checkpoint(locateRun(paths.base)));
  const adapter = resolveCheckpoint(await names.checkpoint(locateRun(paths.adapter)));
  requireKinds(base, adapter);
  for (const directory of [base, adapter]) await verifyCheckpoint(directory, isPolicyFile);
  const progress = progressOn(surroundings);
  const stopped = new Interrupted("Stopped. Nothing was written.", "Go on with the same command.");
  using interrupt = listenForInterrupt(surroundings, { says: "Stopping.", reason: stopped });
  const { tensors, adapted, skipped } = await mergePolicy(
    { base, adapter, out, type: STORED_TYPES.find((stored) => DTYPES[stored] === type) },
    {
      onStart: (total) => progress.start("Merge", total),
      onTensor: (done, name) => progress.advance(done, name),
      signal: interrupt.signal,
    },
  );
  progress.finish(`${adapted} of ${tensors} tensors adapted`);
  if (skipped > 0) {
    surroundings.stderr.write(
      `Left out: ${skipped} tensors of ${base} that are no part of the language model.\n`,
    );
  }
  surroundings.stdout.write(`${out}\n`);
}

function requireKinds(base: string, adapter: string): void {
  if (!existsSync(join(base, "config.json"))) {
    throw new CheckpointError(`${base} is an adapter, not a base.`, {
      hint: "Give the base first, then the adapter: earl model merge BASE ADAPTER --out DIR.",
    });
  }
  if (existsSync(join(adapter, ADAPTER_CONFIG_FILE))) return;
  throw new CheckpointError(`${adapter} holds whole weights, not an adapter.`, {
    hint: "Give the base first, then the adapter: earl model merge BASE ADAPTER --out DIR.",
  });
}
