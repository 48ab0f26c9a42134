/**
 * Where the time of a training step or of a run of decode steps goes, by kernel, with the memory that each passes over
 * and the arithmetic of its products, and how the training graph's rate compares with plain matrix products of
 * onnxruntime on this machine, measured alternately. docs/profile.md is what it printed.
 *
 *   node src/from-source.mjs bench/profile.ts [--rounds 5] [--part train|decode|both]
 */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { SFT_LOSS } from "../src/algorithms/losses.ts";
import { quantile } from "../src/algorithms/statistics.ts";
import { longestRun } from "../src/engine/onnx/generation.ts";
import { drawnFrom } from "../src/engine/generation-run.ts";
import { decodeGraph } from "../src/engine/onnx/generation-graphs.ts";
import type { OptimizerSettings } from "../src/engine/optimizer-settings.ts";
import { stepGraph } from "../src/engine/onnx/training-graphs.ts";
import { compile } from "../src/tensor/compile.ts";
import type { CompiledGraph } from "../src/tensor/compile.ts";
import { add } from "../src/tensor/ops/elementwise.ts";
import { InferenceSession, Tensor } from "../src/tensor/onnxruntime.ts";
import { input } from "../src/tensor/ops/leaves.ts";
import { matmul } from "../src/tensor/ops/matmul.ts";
import { sum } from "../src/tensor/ops/broadcast.ts";
import { sizeOf } from "../src/tensor/value.ts";
import { plainGrammar } from "../src/tokens/plain-grammar.ts";
import { callCost, type CallShapes } from "./profile/kernel-cost.ts";
import { COMPLETION_TOKENS, CONFIG, GROUP_SIZE, PROMPTS, PROMPT_TOKENS } from "./ours/workload.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, part: { type: "string", default: "both" } },
});
const rounds = Number(values.rounds);
/** As the engine opens its sessions. */
const OPTIONS = {
  graphOptimizationLevel: "disabled",
  enableMemPattern: false,
  intraOpNumThreads: availableParallelism(),
} as const;
const { segments } = plainGrammar(CONFIG.vocabularySize, { start: 3, length: COMPLETION_TOKENS });
const optimizer: OptimizerSettings = {
  kind: "adamw",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  maxGradNorm: 1,
};

/** Rounds that touch memory for the first time. */
const WARMUP = 2;

interface Kernel {
  readonly milliseconds: number;
  readonly calls: number;
  readonly bytes: number;
  readonly flops: number;
}

interface Subject {
  readonly name: string;
  readonly graph: CompiledGraph;
}

/** Small numbers for every input, and no id forced. */
function feedsOf(graph: CompiledGraph): Record<string, Tensor> {
  return Object.fromEntries(
    Array.from(graph.inputs, ([name, { type, shape }]) => {
      const size = sizeOf(shape);
      const data =
        type === "int64"
          ? new BigInt64Array(size).fill(name === "forced" ? drawnFrom(0) : 0n)
          : new Float32Array(size).fill(0.01);
      return [name, new Tensor(type as "float32", data as Float32Array, [...shape])];
    }),
  );
}

/** GFLOP/s of each graph: medians of rounds in which they take turns. */
async function rates(subjects: readonly Subject[]): Promise<number[]> {
  const running = await Promise.all(
    subjects.map(async ({ graph }) => ({
      session: await InferenceSession.create(graph.model, OPTIONS),
      feeds: feedsOf(graph),
      times: [] as number[],
    })),
  );
  for (let round = 0; round < rounds + WARMUP; round += 1) {
    for (const { session, feeds, times } of running) {
      const start = performance.now();
      await session.run(feeds);
      if (round >= WARMUP) times.push(performance.now() - start);
    }
  }
  for (const { session } of running) await session.release();
  return running.map(({ times }, index) => {
    const { name, graph } = subjects[index] as Subject;
    const median = quantile(times, 0.5);
    const [fast, slow] = [quantile(times, 0.1), quantile(times, 0.9)];
    const rate = graph.flops / median / 1e6;
    process.stdout.write(
      `${name}: ${median.toFixed(1)} ms (10–90 %: ${fast.toFixed(1)} … ${slow.toFixed(1)}), ${graph.nodes} nodes, ${(graph.flops / 1e9).toFixed(2)} GFLOP, ${rate.toFixed(0)} GFLOP/s\n`,
    );
    return rate;
  });
}

/** Each kernel's share of one run; profiling itself adds a few microseconds a call. */
async function printKernels({ name, graph }: Subject): Promise<void> {
  const prefix = join(tmpdir(), `earl-profile-${process.pid}-${name}`);
  const session = await InferenceSession.create(graph.model, {
    ...OPTIONS,
    enableProfiling: true,
    profileFilePrefix: prefix,
  });
  const feeds = feedsOf(graph);
  for (let round = 0; round < rounds; round += 1) await session.run(feeds);
  session.endProfiling();
  await session.release();
  process.stdout.write(`\n${name}, by kernel\n`);
  for (const [kernel, { milliseconds, calls, bytes, flops }] of kernels(prefix)) {
    const cells = [
      kernel.padEnd(28),
      `${(milliseconds / rounds).toFixed(2).padStart(8)} ms`,
      `${String(calls / rounds).padStart(5)} calls`,
      `${(bytes / rounds / 1e6).toFixed(1).padStart(8)} MB`,
      `${(bytes / milliseconds / 1e6).toFixed(1).padStart(6)} GB/s`,
      ...(flops === 0
        ? []
        : [
            `${(flops / rounds / 1e9).toFixed(2).padStart(7)} GFLOP`,
            `${(flops / milliseconds / 1e6).toFixed(0).padStart(4)} GFLOP/s`,
          ]),
    ];
    process.stdout.write(`  ${cells.join("  ")}\n`);
  }
}

function kernels(prefix: string): [string, Kernel][] {
  const { dir, base } = { dir: tmpdir(), base: prefix.split("/").at(-1) as string };
  const file = readdirSync(dir).find((entry) => entry.startsWith(base)) as string;
  const events = JSON.parse(readFileSync(join(dir, file), "utf8")) as {
    cat: string;
    name: string;
    dur: number;
    args: CallShapes;
  }[];
  rmSync(join(dir, file));
  const totals = new Map<string, Kernel>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const key = args.op_name ?? name;
    const before = totals.get(key) ?? { milliseconds: 0, calls: 0, bytes: 0, flops: 0 };
    const cost = callCost(args);
    totals.set(key, {
      milliseconds: before.milliseconds + dur / 1000,
      calls: before.calls + 1,
      bytes: before.bytes + cost.bytes,
      flops: before.flops + cost.flops,
    });
  }
  return [...totals].toSorted(([, left], [, right]) => right.milliseconds - left.milliseconds).slice(0, 16);
}

const batch = {
  prompts: PROMPTS,
  groupSize: GROUP_SIZE,
  prefix: PROMPT_TOKENS,
  completion: COMPLETION_TOKENS,
  counts: [PROMPTS * GROUP_SIZE * COMPLETION_TOKENS],
};
if (values.part !== "decode") {
  const size = 1024;
  const right = input("right", [size, size]);
  const products = Array.from({ length: 16 }, (_, index) =>
    sum(matmul(input(`left.${index}`, [size, size]), right)),
  );
  const ceiling = {
    name: "16 products of 1024 × 1024",
    graph: compile({ total: products.reduce((total, one) => add(total, one)) }),
  };
  const training = {
    name: "training step",
    graph: compile(stepGraph({ config: CONFIG, segments, optimizer, recompute: false }, batch, SFT_LOSS)),
  };
  const [most = 1, rate = 0] = await rates([ceiling, training]);
  process.stdout.write(`training step / products: ${((100 * rate) / most).toFixed(0)} %\n`);
  await printKernels(training);
}
if (values.part !== "train") {
  const shape = {
    prompts: PROMPTS,
    groupSize: GROUP_SIZE,
    prefix: PROMPT_TOKENS,
    past: COMPLETION_TOKENS / 2,
    steps: longestRun(CONFIG.layers),
    positions: 160,
    drawn: [0],
    isGuided: false,
  };
  const drawing = { isGreedy: false, topK: 0, topP: 1 };
  const decode = {
    name: `${shape.steps} decode steps`,
    graph: compile(decodeGraph({ config: CONFIG }, shape, segments, drawing)),
  };
  await rates([decode]);
  await printKernels(decode);
}
