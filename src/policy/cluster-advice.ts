/** What to change where a policy does not fit the GPUs that it is planned for. */

import {
  CLUSTER_TASKS,
  planMemory,
  rowsAtOnce,
  type ClusterStep,
  type ClusterTask,
  type GpuMemory,
} from "./cluster-memory.ts";
import type { PolicyConfig } from "./config.ts";

export interface Cluster {
  readonly workers: number;
  /** Memory of each GPU, in bytes. */
  readonly gpuBytes: number;
  readonly step: ClusterStep;
}

/** More workers than this are not proposed. */
const MOST_WORKERS = 1024;

export function fitsCluster(config: PolicyConfig, task: ClusterTask, cluster: Cluster): boolean {
  return planMemory(config, task, cluster).needed <= cluster.gpuBytes;
}

/**
 * Changes of which each alone makes the task fit, the least first; empty where it fits, or where none does. What is
 * learned changes with the last ones.
 */
export function adviseCluster(config: PolicyConfig, task: ClusterTask, cluster: Cluster): string[] {
  const fits = (other: Partial<ClusterTask>, changed: Partial<Cluster> = {}): boolean =>
    fitsCluster(config, { ...task, ...other }, { ...cluster, ...changed });
  if (fits({})) return [];
  const { step } = cluster;
  const advice: string[] = [];
  if (!step.isRecomputed && fits({}, { step: { ...step, isRecomputed: true } })) {
    advice.push("engine.recompute: true");
  }
  if (step.microbatchGroups > 1 && fits({}, { step: { ...step, microbatchGroups: 1 } })) {
    advice.push("engine.microbatchGroups: 1");
  }
  const rows = mostRows(config, task, cluster);
  if (rows !== undefined) advice.push(`engine.generationRows: ${rows}`);
  const workers = leastWorkers(config, task, cluster);
  if (workers !== undefined) advice.push(`${workers} workers`);
  if (task.trained === "full" && fits({ isOffloaded: true })) advice.push("engine.offload: optimizer");
  if (task.hasReference && fits({ hasReference: false })) advice.push("grpo.loss.klCoef: 0");
  if (task.trained === "full" && fits({ trained: "lora", isOffloaded: false })) {
    advice.push("an adapter (policy.lora)");
  }
  return advice;
}

/** The most rows at once that fit, where writing fewer is enough. */
function mostRows(config: PolicyConfig, task: ClusterTask, cluster: Cluster): number | undefined {
  const { step, workers } = cluster;
  for (let rows = rowsAtOnce(step, workers) - step.groupSize; rows > 0; rows -= step.groupSize) {
    if (fitsCluster(config, task, { ...cluster, step: { ...step, generationRows: rows } })) return rows;
  }
  return undefined;
}

/** The least power of two times the workers that fits. */
function leastWorkers(config: PolicyConfig, task: ClusterTask, cluster: Cluster): number | undefined {
  for (let workers = cluster.workers * 2; workers <= MOST_WORKERS; workers *= 2) {
    if (fitsCluster(config, task, { ...cluster, workers })) return workers;
  }
  return undefined;
}

/** What a task takes on so many workers, and what to change where that is too much. */
export interface PlannedTask extends ClusterTask, GpuMemory {
  readonly workers: number;
  readonly rowsAtOnce: number;
  readonly fits: boolean;
  readonly advice: readonly string[];
}

/** Every task for every number of workers. */
export function planCluster(
  config: PolicyConfig,
  { workerCounts, ...cluster }: Omit<Cluster, "workers"> & { readonly workerCounts: readonly number[] },
): PlannedTask[] {
  return workerCounts.flatMap((workers) =>
    CLUSTER_TASKS.map((task) => {
      const memory = planMemory(config, task, { workers, step: cluster.step });
      const advice = adviseCluster(config, task, { ...cluster, workers });
      const rows = rowsAtOnce(cluster.step, workers);
      return {
        ...task,
        workers,
        rowsAtOnce: rows,
        ...memory,
        fits: memory.needed <= cluster.gpuBytes,
        advice,
      };
    }),
  );
}
