/**
 * What each GPU of a cluster holds while a policy is trained by `engine.kind: torch`, reckoned from the policy's config:
 * arithmetic, not measured. Weights, gradients, moments and caches are exact; what a pass keeps is an estimate. CUDA's
 * own context (half a GB), the vision tokenizer (one to two) and gaps between blocks come on top.
 */

import type { PolicyConfig } from "./config.ts";
import { loraParameterCount } from "./lora.ts";
import { EMBEDDING, parameterCount, parameterShapes, PROJECTIONS, sizeOf } from "./parameters.ts";
import { cacheBytes } from "./sequence-fit.ts";

const FLOAT32 = 4;
const BFLOAT16 = 2;
/** Rows of logits that are held at once, and copies of them: logits, their softmax, the gradient. */
const LOGIT_ROWS = 1024;
const LOGIT_COPIES = 3;

/** What is trained, and how. A reference policy is what a KL term needs. */
export interface ClusterTask {
  readonly trained: "none" | "lora" | "full";
  readonly hasReference: boolean;
  /** Whether masters, gradients and AdamW's moments lie in the memory of the node: `engine.offload`. */
  readonly isOffloaded: boolean;
}

/** One step of a run, as far as memory depends on it. */
export interface ClusterStep {
  /** Prompts of a step, and completions of each. */
  readonly prompts: number;
  readonly groupSize: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Codes of the vision tokenizer: what the head multiplies by of the vocabulary. */
  readonly codes: number;
  readonly loraRank: number;
  /** `engine.generationRows`; all of a worker's completions where not given. */
  readonly generationRows?: number;
  /** `engine.microbatchGroups` and `engine.recompute`. */
  readonly microbatchGroups: number;
  readonly isRecomputed: boolean;
}

/** The paper's: 16 edits of 256 × 256 pixels, eight pictures each. */
export const PAPER_STEP: ClusterStep = {
  prompts: 16,
  groupSize: 8,
  promptTokens: 1103,
  completionTokens: 1055,
  codes: 32_768,
  loraRank: 16,
  microbatchGroups: 1,
  isRecomputed: true,
};

/** Bytes a GPU. */
export interface GpuMemory {
  /** What is trained: float32 where all weights are; the base in bfloat16 with its adapter where that is. */
  readonly weights: number;
  readonly moments: number;
  readonly gradients: number;
  readonly reference: number;
  /** The whole policy in bfloat16 that completions are written from, where all weights are trained. */
  readonly copy: number;
  /** Layers gathered from the others, what a pass keeps for its way back, and logits. */
  readonly pass: number;
  /** Float32 sums of the largest gradient on its way to the others or to the node's memory. */
  readonly buffers: number;
  /** Keys and values of the completions that are written at once. */
  readonly cache: number;
  /** Most at once in an update, without the copy; with it, as the engine keeps it; while completions are written. */
  readonly update: number;
  readonly updateWithCopy: number;
  readonly writing: number;
  /** The larger of the last two, with the buffers: what a GPU must have. */
  readonly needed: number;
  /** In the memory of the node, for each of its workers. */
  readonly host: number;
}

/** The tasks that `earl model info` plans, smallest first. */
export const CLUSTER_TASKS: readonly ClusterTask[] = [
  { trained: "none", hasReference: false, isOffloaded: false },
  { trained: "lora", hasReference: false, isOffloaded: false },
  { trained: "lora", hasReference: true, isOffloaded: false },
  { trained: "full", hasReference: false, isOffloaded: true },
  { trained: "full", hasReference: true, isOffloaded: true },
  { trained: "full", hasReference: false, isOffloaded: false },
  { trained: "full", hasReference: true, isOffloaded: false },
];

/** Completions that a worker writes at once: whole groups. */
export function rowsAtOnce(step: ClusterStep, workers: number): number {
  const own = Math.ceil(step.prompts / workers) * step.groupSize;
  const most = Math.floor((step.generationRows ?? own) / step.groupSize) * step.groupSize;
  return Math.min(own, Math.max(step.groupSize, most));
}

/** What each of `workers` GPUs holds. */
export function planMemory(
  config: PolicyConfig,
  task: ClusterTask,
  { workers, step }: { readonly workers: number; readonly step: ClusterStep },
): GpuMemory {
  const parameters = parameterCount(config);
  const cache = cacheOf(config, step, rowsAtOnce(step, workers));
  const held = heldBytes(config, task, { workers, step });
  const isSharded = task.trained === "full";
  const gathered = isSharded ? gatheredBytes(config) : 0;
  const pass = task.trained === "none" ? 0 : gathered + passBytes(config, step);
  const buffers =
    isSharded && (workers > 1 || task.isOffloaded) ? tableSize(config) * (FLOAT32 + BFLOAT16) : 0;
  const resident = held.weights + held.moments + held.reference;
  const update = task.trained === "none" ? 0 : resident + held.gradients + pass;
  const updateWithCopy = task.trained === "none" ? 0 : update + held.copy;
  const writing = resident + held.copy + cache;
  const host = task.isOffloaded ? (4 * FLOAT32 * parameters) / workers : 0;
  const needed = Math.max(updateWithCopy, writing) + buffers;
  return { ...held, pass, buffers, cache, update, updateWithCopy, writing, needed, host };
}

function heldBytes(
  config: PolicyConfig,
  task: ClusterTask,
  { workers, step }: { readonly workers: number; readonly step: ClusterStep },
): Pick<GpuMemory, "weights" | "moments" | "gradients" | "reference" | "copy"> {
  const parameters = parameterCount(config);
  const whole = BFLOAT16 * parameters;
  switch (task.trained) {
    case "none":
      return { weights: whole, moments: 0, gradients: 0, reference: 0, copy: 0 };
    case "lora": {
      const rank = step.loraRank;
      const targets = PROJECTIONS;
      const adapter =
        FLOAT32 * loraParameterCount(config, { rank, alpha: rank, targets, isRankStabilised: false });
      const reference = task.hasReference ? adapter : 0;
      return { weights: whole + adapter, moments: 2 * adapter, gradients: adapter, reference, copy: 0 };
    }
    case "full": {
      const reference = task.hasReference ? whole / workers : 0;
      const weights = task.isOffloaded ? 0 : (FLOAT32 * parameters) / workers;
      return { weights, moments: 2 * weights, gradients: weights, reference, copy: whole };
    }
    default:
      return task.trained satisfies never;
  }
}

/** Two layers, the one at work and the next, weights and gradients; embedding and head. */
function gatheredBytes(config: PolicyConfig): number {
  const tables = config.tieEmbeddings ? 1 : 2;
  return BFLOAT16 * (4 * layerSize(config) + tables * tableSize(config));
}

/** What the way back of a microbatch needs: inputs of every layer and one layer's insides, or those of all. */
function passBytes(config: PolicyConfig, step: ClusterStep): number {
  const { hiddenSize, intermediateSize, keyValueHeads, headSize, layers } = config;
  const tokens = step.microbatchGroups * (step.promptTokens + step.groupSize * step.completionTokens);
  const inside = 3 * intermediateSize + 8 * hiddenSize + 4 * keyValueHeads * headSize;
  const kept = step.isRecomputed ? layers * hiddenSize + inside : layers * inside;
  const logits = LOGIT_ROWS * Math.min(step.codes, config.vocabularySize) * FLOAT32 * LOGIT_COPIES;
  return BFLOAT16 * tokens * kept + logits;
}

/** A prompt's keys and values are held once a group. */
function cacheOf(config: PolicyConfig, step: ClusterStep, rows: number): number {
  const tokens = rows * step.completionTokens + (rows / step.groupSize) * step.promptTokens;
  return cacheBytes(config, tokens, BFLOAT16);
}

const tableSize = (config: PolicyConfig): number => config.vocabularySize * config.hiddenSize;

function layerSize(config: PolicyConfig): number {
  const first = parameterShapes(config).filter(
    ({ name }) => name !== EMBEDDING && name.startsWith("model.layers.0."),
  );
  return first.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
