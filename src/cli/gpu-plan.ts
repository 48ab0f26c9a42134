/** The part of `earl model info` that plans GPUs: what each holds, what fits, and what to change where it does not. */

import { formatTable } from "../format.ts";
import { planCluster, type PlannedTask } from "../policy/cluster-advice.ts";
import { PAPER_STEP, type ClusterStep, type ClusterTask } from "../policy/cluster-memory.ts";
import type { PolicyConfig } from "../policy/config.ts";

export interface PlanFlags {
  readonly workers?: readonly number[];
  /** In GB. */
  readonly gpuMemory?: number;
  readonly prompts: number;
  readonly groupSize: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly generationRows?: number;
  readonly microbatchGroups: number;
  readonly recompute: boolean;
  readonly loraRank: number;
}

export interface GpuPlan {
  readonly gpuBytes: number;
  readonly step: ClusterStep;
  readonly tasks: readonly PlannedTask[];
}

/** As many as the largest machines have, and two of them. */
const WORKER_COUNTS = [1, 2, 4, 8, 16];
/** An H100, A100 or A800 of the larger size. */
const GPU_GB = 80;
const GB = 1e9;

/** Undefined where no plan is asked for. */
export function gpuPlan(config: PolicyConfig, flags: PlanFlags): GpuPlan | undefined {
  if (flags.workers === undefined && flags.gpuMemory === undefined) return undefined;
  const { prompts, groupSize, promptTokens, completionTokens, microbatchGroups, loraRank } = flags;
  const step: ClusterStep = {
    prompts,
    groupSize,
    promptTokens,
    completionTokens,
    microbatchGroups,
    loraRank,
    codes: PAPER_STEP.codes,
    isRecomputed: flags.recompute,
    ...(flags.generationRows === undefined ? {} : { generationRows: flags.generationRows }),
  };
  const gpuBytes = (flags.gpuMemory ?? GPU_GB) * GB;
  const workerCounts = flags.workers ?? WORKER_COUNTS;
  return { gpuBytes, step, tasks: planCluster(config, { workerCounts, gpuBytes, step }) };
}

export function planLines({ gpuBytes, step, tasks }: GpuPlan): string[] {
  const { prompts, groupSize, promptTokens, completionTokens } = step;
  const count = (value: number): string => value.toLocaleString("en-US");
  const held = tasks.filter(({ fits }) => !fits);
  return [
    `GB a GPU of ${gb(gpuBytes)}, arithmetic and not measured: bfloat16, ${prompts} prompts of ${count(promptTokens)} tokens with ` +
      `${groupSize} completions of ${count(completionTokens)},`,
    `${step.microbatchGroups} ${step.microbatchGroups === 1 ? "group" : "groups"} a pass, layers ${step.isRecomputed ? "computed again on the way back (engine.recompute: true)" : "kept for the way back"}.`,
    "",
    formatTable([
      [
        "trained",
        "GPUs",
        "weights",
        "moments",
        "gradients",
        "reference",
        "copy",
        "pass",
        "buffers",
        "update",
        "rows",
        "cache",
        "writing",
        "needs",
        "host",
        "fits",
      ],
      ...tasks.map(row),
    ]),
    "",
    "update: weights to pass, most at once while training. writing: weights, moments, reference, copy and the cache of so many rows at once",
    "(engine.generationRows). needs: the larger of the two, and buffers. host: memory of the node, a worker. Not in it: half a GB of CUDA's own,",
    "one or two of the vision tokenizer, gaps between blocks. Optimizer offloaded: engine.offload.",
    ...(held.length === 0 ? [] : ["", "What does not fit would with any one of these:"]),
    ...held.map(
      (task) =>
        `  ${nameOf(task)}, ${task.workers} ${task.workers === 1 ? "GPU" : "GPUs"}: ${task.advice.length === 0 ? "nothing alone; a smaller policy, or larger GPUs" : task.advice.join("; ")}`,
    ),
  ];
}

function row(task: PlannedTask): string[] {
  const parts = [
    task.weights,
    task.moments,
    task.gradients,
    task.reference,
    task.copy,
    task.pass,
    task.buffers,
  ];
  return [
    nameOf(task),
    String(task.workers),
    ...parts.map(part),
    part(task.updateWithCopy),
    String(task.rowsAtOnce),
    part(task.cache),
    part(task.writing),
    part(task.needed),
    part(task.host),
    task.fits ? "yes" : "no",
  ];
}

function nameOf({ trained, hasReference, isOffloaded }: ClusterTask): string {
  const names = { none: "nothing", lora: "adapter", full: "all weights" } as const;
  return `${names[trained]}${hasReference ? ", KL" : ""}${isOffloaded ? ", optimizer offloaded" : ""}`;
}

const gb = (bytes: number): string => (bytes / GB).toFixed(bytes % GB === 0 ? 0 : 1);
const part = (bytes: number): string => (bytes === 0 ? "" : (bytes / GB).toFixed(1));
