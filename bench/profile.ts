/**
 * Where a training step's or a decode step's time goes, by kernel, and how the training graph's rate compares with a
 * plain matrix product of onnxruntime on this machine.
 *
 *   node --import tsx bench/profile.ts [--rounds 5] [--part train|decode|both]
 */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import * as ort from "onnxruntime-node";

import { SFT_LOSS } from "../src/algorithms/losses.ts";
import { decodeGraph } from "../src/engine/onnx/generation-graphs.ts";
import { stepGraph } from "../src/engine/onnx/training-graphs.ts";
import { compile } from "../src/tensor/compile.ts";
import type { CompiledGraph } from "../src/tensor/compile.ts";
import { input } from "../src/tensor/ops/leaves.ts";
import { matmul } from "../src/tensor/ops/matmul.ts";
import { sizeOf } from "../src/tensor/value.ts";
import { plainGrammar } from "../src/tokens/plain-grammar.ts";
import { COMPLETION_TOKENS, CONFIG, GROUP_SIZE, PROMPTS, PROMPT_TOKENS } from "./ours/workload.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, part: { type: "string", default: "both" } },
});
const rounds = Number(values.rounds);
const { segments } = plainGrammar(CONFIG.vocabularySize, { start: 3, length: COMPLETION_TOKENS });
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

interface Kernel {
  readonly milliseconds: number;
  readonly calls: number;
}

/** Runs a graph on small numbers and reports the median wall time, and each kernel type's share of one run. */
async function profile(name: string, graph: CompiledGraph): Promise<number> {
  const prefix = join(tmpdir(), `earl-profile-${process.pid}-${name}`);
  const feeds: Record<string, ort.Tensor> = {};
  for (const [key, value] of graph.inputs) {
    const size = sizeOf(value.shape);
    const data = value.type === "int64" ? new BigInt64Array(size) : new Float32Array(size).fill(0.01);
    feeds[key] = new ort.Tensor(value.type as "float32", data as Float32Array, [...value.shape]);
  }
  const plain = await ort.InferenceSession.create(graph.model, { graphOptimizationLevel: "all" });
  const times: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const start = performance.now();
    await plain.run(feeds);
    if (round > 0) times.push(performance.now() - start);
  }
  await plain.release();
  const median = times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] as number;

  const session = await ort.InferenceSession.create(graph.model, {
    graphOptimizationLevel: "all",
    enableProfiling: true,
    profileFilePrefix: prefix,
  });
  for (let round = 0; round < rounds; round += 1) await session.run(feeds);
  session.endProfiling();
  await session.release();
  process.stdout.write(
    `\n${name}: ${median.toFixed(1)} ms, ${graph.nodes} nodes, ${(graph.flops / 1e9).toFixed(2)} GFLOP, ${(graph.flops / median / 1e6).toFixed(0)} GFLOP/s\n`,
  );
  for (const [kernel, { milliseconds, calls }] of kernels(prefix)) {
    process.stdout.write(
      `  ${kernel.padEnd(32)} ${(milliseconds / rounds).toFixed(2).padStart(8)} ms  ${String(calls / rounds).padStart(5)} calls\n`,
    );
  }
  return graph.flops / median / 1e6;
}

function kernels(prefix: string): [string, Kernel][] {
  const { dir, base } = { dir: tmpdir(), base: prefix.split("/").at(-1) as string };
  const file = readdirSync(dir).find((entry) => entry.startsWith(base)) as string;
  const events = JSON.parse(readFileSync(join(dir, file), "utf8")) as {
    cat: string;
    name: string;
    dur: number;
    args: { op_name?: string };
  }[];
  rmSync(join(dir, file));
  const totals = new Map<string, Kernel>();
  for (const { cat, name, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time")) continue;
    const key = args.op_name ?? name;
    const before = totals.get(key) ?? { milliseconds: 0, calls: 0 };
    totals.set(key, { milliseconds: before.milliseconds + dur / 1000, calls: before.calls + 1 });
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
  const product = matmul(input("a", [size, size]), input("b", [size, size]));
  const ceiling = await profile("matrix product", compile({ product }));
  const rate = await profile(
    "training step",
    compile(stepGraph({ config: CONFIG, segments, optimizer, recompute: false }, batch, SFT_LOSS)),
  );
  process.stdout.write(`\ntraining graph / matrix product: ${((100 * rate) / ceiling).toFixed(0)} %\n`);
}
if (values.part !== "train") {
  const decode = {
    prompts: PROMPTS,
    groupSize: GROUP_SIZE,
    prefix: PROMPT_TOKENS,
    past: COMPLETION_TOKENS / 2,
    steps: 1,
    positions: 160,
    drawn: [0],
    isGuided: false,
  };
  await profile(
    "decode step",
    compile(decodeGraph({ config: CONFIG }, decode, segments, { isGreedy: false, topK: 0, topP: 1 })),
  );
}
