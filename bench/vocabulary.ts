/**
 * Seconds a decoded token at image positions, for vocabularies of several sizes around the same codebook: only the
 * codebook's rows of the head are multiplied, so the text beside it costs nothing.
 *
 *   node src/from-source.mjs bench/vocabulary.ts [--sizes 2000,20000,184622] [--rounds 5]
 */

import { parseArgs } from "node:util";

import { openOnnxEngine } from "../src/engine/onnx/onnx-engine.ts";
import type { PolicyEngine } from "../src/engine/policy-engine.ts";
import { initialParameters } from "../src/policy/parameters.ts";
import { plainGrammar } from "../src/tokens/plain-grammar.ts";
import { CONFIG } from "./ours/workload.ts";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "2000,20000,184622" },
    rounds: { type: "string", default: "5" },
    threads: { type: "string", default: "0" },
  },
});

const CODES = 1000;
const GROUP_SIZE = 16;
const LENGTH = 64;
const WARM_UP = 1;

async function open(vocabularySize: number): Promise<PolicyEngine> {
  const config = {
    ...CONFIG,
    vocabularySize,
    hiddenSize: 64,
    heads: 4,
    keyValueHeads: 4,
    headSize: 16,
    intermediateSize: 172,
    layers: 2,
  };
  return openOnnxEngine({
    config,
    // As in Emu3, the codes are the last ids of the vocabulary.
    grammar: plainGrammar(vocabularySize, { start: vocabularySize - CODES, length: LENGTH }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 0.02, weightStd: 0.02, seed: 0 }),
    },
    trained: "none",
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
    recompute: false,
    threads: Number(values.threads),
    microbatchTokens: 100_000,
    generationRows: GROUP_SIZE,
  });
}

const prompt = {
  ids: Int32Array.from({ length: 80 }, (_, index) => 3 + index),
  grid: { rows: 1, columns: LENGTH },
  writes: "image" as const,
};
const sampling = { groupSize: GROUP_SIZE, temperature: 1, topK: 0, topP: 1, maxTokens: LENGTH };

async function secondsPerToken(engine: PolicyEngine, seed: number): Promise<number> {
  const start = performance.now();
  let tokens = 0;
  for await (const { completions } of engine.generate({ prompts: [prompt], sampling, seed }))
    for (const { ids } of completions) tokens += ids.length;
  return (performance.now() - start) / 1000 / tokens;
}

const sizes = values.sizes.split(",").map(Number);
const engines = await Promise.all(sizes.map(open));
const measured = sizes.map((): number[] => []);
// In turns, so that what else the machine does hits all sizes alike.
for (let round = 0; round < WARM_UP + Number(values.rounds); round += 1) {
  for (const [index, engine] of engines.entries()) {
    const seconds = await secondsPerToken(engine, round);
    if (round >= WARM_UP) measured[index]?.push(seconds);
  }
}
await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((left, right) => left - right)[Math.floor(numbers.length / 2)] as number;
const first = median(measured[0] as number[]);
process.stdout.write(
  `${CODES} codes, ${GROUP_SIZE} rows, width 64, 2 layers; median of ${values.rounds} rounds\n\n`,
);
process.stdout.write("vocabulary   µs a token   of the smallest\n");
for (const [index, size] of sizes.entries()) {
  const seconds = median(measured[index] as number[]);
  const cells = [
    String(size).padStart(10),
    (seconds * 1e6).toFixed(1).padStart(10),
    (seconds / first).toFixed(2),
  ];
  process.stdout.write(`${cells.join("   ")} ×\n`);
}
