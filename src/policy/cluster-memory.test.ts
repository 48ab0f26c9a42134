import { describe, expect, test } from "vitest";
import { adviseCluster, planCluster } from "./cluster-advice.ts";
import { PAPER_STEP, planMemory, rowsAtOnce, type ClusterTask } from "./cluster-memory.ts";
import { EMU3_CONFIG } from "./config.ts";

const GB = 1e9;
const FULL: ClusterTask = { trained: "full", hasReference: true, isOffloaded: false };
const LORA: ClusterTask = { trained: "lora", hasReference: false, isOffloaded: false };
const emu3 = (task: ClusterTask, workers: number, step = PAPER_STEP) =>
  planMemory(EMU3_CONFIG, task, { workers, step });
const rounded = (...bytes: number[]): number[] => bytes.map((value) => Math.round((value / GB) * 10) / 10);

describe("planMemory of Emu3, all weights with a KL term", () => {
  // Reckoned apart, by another program (Python, from the sizes of the published config).
  test.each([
    [1, [34, 67.9, 34, 17], [162.1, 179, 155.9]],
    [2, [17, 34, 17, 8.5], [85.6, 102.6, 86.4]],
    [4, [8.5, 17, 8.5, 4.2], [47.4, 64.4, 51.7]],
    [8, [4.2, 8.5, 4.2, 2.1], [28.3, 45.3, 34.3]],
    [16, [2.1, 4.2, 2.1, 1.1], [18.8, 35.7, 25.7]],
  ])("on %i GPUs", (workers, held, most) => {
    const plan = emu3(FULL, workers);
    expect(rounded(plan.weights, plan.moments, plan.gradients, plan.reference)).toEqual(held);
    expect(rounded(plan.update, plan.updateWithCopy, plan.writing)).toEqual(most);
  });

  test("buffers are the float32 sum of the largest table beside its gradient, where there are others to add", () => {
    expect(emu3(FULL, 1).buffers).toBe(0);
    expect(emu3(FULL, 4).buffers).toBe(184_622 * 4096 * 6);
    expect(emu3(FULL, 4).needed).toBe(emu3(FULL, 4).updateWithCopy + emu3(FULL, 4).buffers);
  });

  test("no KL term saves the reference and nothing else", () => {
    const [withKl, without] = [emu3(FULL, 4), emu3({ ...FULL, hasReference: false }, 4)];
    expect(withKl.needed - without.needed).toBe((2 * 8_492_011_520) / 4);
  });

  test("the optimizer in the node's memory: one GPU holds the copy, a pass and two layers at a time", () => {
    const plan = emu3({ trained: "full", hasReference: false, isOffloaded: true }, 1);
    expect([plan.weights, plan.moments, plan.gradients]).toEqual([0, 0, 0]);
    expect(rounded(plan.update, plan.updateWithCopy, plan.writing, plan.host)).toEqual([
      9.2, 26.2, 37, 135.9,
    ]);
  });
});

describe("planMemory of Emu3 with an adapter", () => {
  test("of rank 16 on one GPU", () => {
    const plan = emu3(LORA, 1);
    expect(rounded(plan.update, plan.writing)).toEqual([22.1, 37.5]);
    // 41.9 M of rank 16; the gradient is gone while completions are written.
    expect(plan.gradients).toBe(41_943_040 * 4);
  });

  test("is the same on every GPU but for its share of the completions", () => {
    expect(emu3(LORA, 4).update).toBe(emu3(LORA, 1).update);
    expect(emu3(LORA, 4).cache).toBe(emu3(LORA, 1).cache / 4);
  });
});

describe("rowsAtOnce", () => {
  test("are whole groups, one at least", () => {
    expect(rowsAtOnce(PAPER_STEP, 4)).toBe(32);
    expect(rowsAtOnce(PAPER_STEP, 3)).toBe(48);
    expect(rowsAtOnce({ ...PAPER_STEP, generationRows: 31 }, 4)).toBe(24);
    expect(rowsAtOnce({ ...PAPER_STEP, generationRows: 1 }, 64)).toBe(8);
  });
});

describe("adviseCluster", () => {
  const advise = (task: ClusterTask, workers: number, gpu: number, step = PAPER_STEP) =>
    adviseCluster(EMU3_CONFIG, task, { workers, gpuBytes: gpu * GB, step });

  test("says nothing where it fits", () => {
    expect(advise(FULL, 4, 80)).toEqual([]);
    expect(advise(LORA, 1, 80)).toEqual([]);
  });

  test("proposes more workers, the optimizer in the node's memory, and an adapter last", () => {
    const all = ["4 workers", "engine.offload: optimizer", "an adapter (policy.lora)"];
    expect(advise(FULL, 2, 80)).toEqual(all);
  });

  test("proposes fewer rows at once where the cache is too much", () => {
    // 20 GB of cache beside 17.5: an adapter on a GPU of 32 GB.
    expect(advise(LORA, 1, 32)).toEqual(["engine.generationRows: 88", "2 workers"]);
  });

  test("proposes to compute layers again, and fewer groups a pass", () => {
    const kept = { ...PAPER_STEP, isRecomputed: false };
    expect(advise(FULL, 4, 80, kept)[0]).toBe("engine.recompute: true");
    expect(advise(FULL, 4, 80, { ...PAPER_STEP, microbatchGroups: 8 })[0]).toBe("engine.microbatchGroups: 1");
  });

  test("what it proposes fits", () => {
    const [rows] = advise(LORA, 1, 32);
    const generationRows = Number(rows?.split(" ")[1]);
    expect(advise(LORA, 1, 32, { ...PAPER_STEP, generationRows })).toEqual([]);
    expect(advise(LORA, 1, 32, { ...PAPER_STEP, generationRows: generationRows + 8 })).not.toEqual([]);
  });

  test("has nothing to say where the copy alone is too much", () => {
    expect(advise(FULL, 4, 12)).toEqual([]);
    const tasks = planCluster(EMU3_CONFIG, { workerCounts: [4], gpuBytes: 12 * GB, step: PAPER_STEP });
    expect(tasks.some(({ fits }) => fits)).toBe(false);
  });
});
