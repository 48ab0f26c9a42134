/** `earl model info` and `earl model merge`: what a policy is and needs, and an adapter made part of its base. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { ConfigError } from "../errors.ts";
import { formatBytes, formatTable } from "../format.ts";
import { machineMemory } from "../machine-memory.ts";
import { INDEX_FILE, openCheckpointFiles, SINGLE_FILE } from "../policy/checkpoint-files.ts";
import { readPolicyConfig } from "../policy/config-file.ts";
import { DTYPES } from "../policy/float-formats.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import { describePolicy } from "../policy/policy-memory.ts";
import type { MemoryNeed, PolicyDescription, Workplace } from "../policy/policy-memory.ts";
import type { FloatType } from "../policy/safetensors-writer.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { required } from "./arguments.ts";
import { isPolicyFile, verifyCheckpoint } from "../runs/checkpoint-state.ts";
import { mergePolicy } from "./merge-policy.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface InformationFlags {
  readonly json?: true;
  readonly tokens?: number;
  readonly loraRank: number;
}

/** Two pictures of 256 × 256 at 8 pixels a code, and words between them. */
const EDIT_TOKENS = 2304;

export async function describe(
  directory: string,
  flags: InformationFlags,
  { stdout }: Surroundings,
): Promise<void> {
  await verifyCheckpoint(directory, isPolicyFile);
  const { config, modelType } = await readPolicyConfig(directory);
  const weights = await weightsIn(directory);
  const tokens = flags.tokens ?? Math.min(config.maxPositions, EDIT_TOKENS);
  const workplace = { memoryBytes: machineMemory(), tokens, loraRank: flags.loraRank };
  const description = describePolicy(config, workplace);
  if (flags.json === true) {
    const content = { directory, modelType, config, weights, workplace, ...description };
    stdout.write(`${JSON.stringify(content, null, 2)}\n`);
    return;
  }
  stdout.write(`${lines(description, weights, workplace).join("\n")}\n`);
}

interface StoredWeights {
  /** Type of most values, as the files name it. */
  readonly types: readonly string[];
  readonly tensors: number;
  readonly bytes: number;
}

/** Undefined where there are none; throws CheckpointError where they do not fit the config. */
async function weightsIn(directory: string): Promise<StoredWeights | undefined> {
  if (![SINGLE_FILE, INDEX_FILE].some((name) => existsSync(join(directory, name)))) return undefined;
  const policy = await openPolicyDirectory(directory);
  await policy.close();
  const files = await openCheckpointFiles(directory);
  const entries = [...files.tensors.values()].map(({ entry }) => entry);
  await files.close();
  return {
    types: [...new Set(entries.map(({ type }) => type))],
    tensors: policy.names.length,
    bytes: entries.reduce((sum, { begin, end }) => sum + end - begin, 0),
  };
}

function lines(
  description: PolicyDescription,
  weights: StoredWeights | undefined,
  workplace: Workplace,
): string[] {
  const { architecture, parameters, loraParameters, needs } = description;
  const { memoryBytes, tokens, loraRank } = workplace;
  const count = (value: number): string => value.toLocaleString("en-US");
  const stored =
    weights === undefined
      ? "not here, config.json alone"
      : `${weights.tensors} tensors that fit the config, ${weights.types.join(" and ")}, ${formatBytes(weights.bytes)}`;
  return [
    ...architecture,
    "",
    `parameters  ${count(parameters)}, and ${count(loraParameters)} in a LoRA adapter of rank ${loraRank}`,
    `weights     ${stored}`,
    "",
    `Memory for one sequence of ${count(tokens)} tokens; this machine has ${formatBytes(memoryBytes)}.`,
    "",
    formatTable([
      ["task", "type", "weights", "cache", "gradients", "moments", "activations", "total", "engine"],
      ...needs.map(needRow),
    ]),
    "",
    "onnx is the engine in this process. torch: more than this machine or that engine holds; earl has no such engine yet.",
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

export async function merge(
  { base, adapter, type, ...flags }: Merge,
  surroundings: Surroundings,
): Promise<void> {
  const out = required(flags.out, "--out DIR");
  if (existsSync(out) && !isEmptyFolder(out)) {
    throw new ConfigError(`${out} exists already.`, { hint: "Choose a folder that is not there yet." });
  }
  requireWritableFolder(out);
  for (const directory of [base, adapter]) await verifyCheckpoint(directory, isPolicyFile);
  const progress = progressOn(surroundings);
  const { tensors, adapted, skipped } = await mergePolicy(
    { base, adapter, out, type: STORED_TYPES.find((stored) => DTYPES[stored] === type) },
    {
      onStart: (total) => progress.start("Merge", total),
      onTensor: (done, name) => progress.advance(done, name),
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

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}
