/**
 * Checkpoints in the layout that every engine writes: of all weights, each rank writes files of its own; an adapter is
 * small, comes here and is written as the onnx engine writes it.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join, resolve } from "node:path";

import { EngineError } from "../../errors.ts";
import { planPolicyShards, policyFiles, shardIndex } from "../../policy/save-policy.ts";
import type { ParameterShape } from "../../policy/parameters.ts";
import { bytesIn, type Shard } from "../../policy/shards.ts";
import { saveEngine } from "../onnx/engine-checkpoint.ts";
import { openOptimizer, planOptimizerShards, saveStep } from "../onnx/optimizer-files.ts";
import { readAdapter } from "../onnx/parameter-source.ts";
import { policyParts } from "../onnx/policy-parts.ts";
import type { OptimizerSettings } from "../optimizer-settings.ts";
import type { Arrays, CheckpointFiles } from "../policy-engine.ts";
import { ofRank, type Cluster } from "./cluster.ts";
import type { FrameArray } from "./frames.ts";
import { policyPlaces, type PlacedPolicy } from "./weight-places.ts";

/** Most bytes of a weight file, as transformers writes them. */
const MOST_BYTES = 5e9;

export interface SavedPolicy extends PlacedPolicy {
  readonly optimizer: OptimizerSettings;
  /** What the workers know it by. */
  readonly policy: number;
  /** Directory of the weights that an adapter belongs to. */
  readonly base: string | null;
  readonly companions?: CheckpointFiles | undefined;
}

/**
 * Copies weights and what the optimizer remembers after so many steps. What it resolves with writes them, and throws
 * what keeps it from that; the weights may change meanwhile.
 */
export async function copyTorchPolicy(
  cluster: Cluster,
  saved: SavedPolicy,
  directory: string,
  step: number,
): Promise<() => Promise<void>> {
  const { config, trained, policy, companions = new Map<string, Uint8Array>() } = saved;
  if (trained !== "all" && trained !== "none") return copyAdapter(cluster, saved, directory, step);
  await mkdir(directory, { recursive: true });
  const shards = planPolicyShards(config, { maxShardBytes: MOST_BYTES });
  const moments = step > 0 ? planOptimizerShards(saved, MOST_BYTES) : [];
  const files = dealt([...shards, ...moments], cluster.workers.length);
  await cluster.call("save", { said: { policy, directory: resolve(directory), files } });
  for (const [file, content] of policyFiles(config, shards, { tokenizerFiles: companions }))
    await writeFile(join(directory, file), content);
  const made = { step, kind: saved.optimizer.kind };
  if (step > 0) await saveStep(directory, made, moments.length > 1 ? shardIndex(moments) : undefined);
  return async () => {
    const { results } = await cluster.call("written", { said: { policy } });
    const [fault] = Object.values(results).flatMap((said) => (said as { faults: string[] }).faults);
    if (fault !== undefined) throw systemFault(fault);
  };
}

/** What a worker's operating system said, as Node says it. */
function systemFault(words: string): Error {
  const number = Number(/(?:os error |Errno )(\d+)/.exec(words)?.[1]);
  const [code] = Object.entries(constants.errno).find(([, value]) => value === number) ?? [];
  if (code !== undefined) return Object.assign(new Error(words), { code });
  return new EngineError(`The checkpoint could not be written: ${words}`, {
    hint: "The run goes on from the checkpoint before it with --resume.",
  });
}

/** Restores what any engine saved; how many steps it had made. Throws CheckpointError where it does not fit. */
export async function loadTorchPolicy(
  cluster: Cluster,
  saved: SavedPolicy,
  directory: string,
): Promise<number> {
  const { config, trained, policy } = saved;
  const isWhole = trained === "all" || trained === "none";
  const own = isWhole ? await policyPlaces(directory, config) : {};
  const arrays = new Map<string, FrameArray>(isWhole ? [] : await readAdapter(directory, config, trained));
  const state = await openOptimizer(directory, saved);
  await state?.close();
  const moments = Array.from(
    state?.places ?? [],
    ([name, { path, key }]) => [name, [resolve(path), key]] as const,
  );
  const step = state?.step ?? 0;
  const places = { ...own, ...Object.fromEntries(moments) };
  await cluster.call("load", { said: { policy, places, step }, arrays });
  return step;
}

async function copyAdapter(
  cluster: Cluster,
  saved: SavedPolicy,
  directory: string,
  step: number,
): Promise<() => Promise<void>> {
  const { arrays } = await cluster.call("trained", { said: { policy: saved.policy } });
  const { trained, squared } = policyParts(saved);
  const named = (prefix: string, parts: readonly ParameterShape[]): Arrays =>
    new Map(
      parts.map(({ name }) => [name, arrays.get(ofRank(0, `${prefix}${name}`)) as Float32Array] as const),
    );
  const optimizer =
    step === 0
      ? undefined
      : { step, firstMoments: named("m:", trained), secondMoments: named("v:", squared) };
  const state = { policy: saved, parameters: named("", trained), optimizer, base: saved.base };
  return () => saveEngine(directory, state, saved.companions);
}

/** Files with their tensors, each given to the rank that has least to write so far. */
function dealt(shards: readonly Shard[], workers: number): object[] {
  const loads = Array.from({ length: workers }, () => 0);
  return shards.map(({ file: name, tensors }) => {
    const owner = loads.indexOf(Math.min(...loads));
    const bytes = tensors.reduce((sum, tensor) => sum + bytesIn(tensor), 0);
    loads[owner]! += bytes;
    return { name, owner, bytes, keys: tensors.map((tensor) => tensor.name) };
  });
}
