/** The work that every speed measurement shares with its peer: sizes, seeded weights and prompts, the reward. */

import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";

import type { EngineHost, EngineRequest } from "../../src/engine/engine-host.ts";
import type { OnnxEngineOptions } from "../../src/engine/onnx/onnx-engine.ts";
import { openOnnxEngine } from "../../src/engine/onnx/onnx-engine.ts";
import { openTorchHost } from "../../src/engine/torch/torch-host.ts";
import { TorchSettings } from "../../src/engine/torch/torch-settings.ts";
import type { PolicyEngine, Sampling } from "../../src/engine/policy-engine.ts";
import type { PolicyConfig } from "../../src/policy/config.ts";
import { initialParameters } from "../../src/policy/parameters.ts";
import { Rng } from "../../src/random.ts";
import { plainGrammar } from "../../src/tokens/plain-grammar.ts";
import type { Prompt } from "../../src/tokens/prompt.ts";

export const PROMPTS = 8;
export const GROUP_SIZE = 8;
export const PROMPT_TOKENS = 80;
export const COMPLETION_TOKENS = 64;

/** 5.36 M parameters, as in bench/peer/trl_grpo_bench.py. */
export const CONFIG: PolicyConfig = {
  family: "llama",
  vocabularySize: 1200,
  hiddenSize: 256,
  intermediateSize: 688,
  layers: 6,
  heads: 8,
  keyValueHeads: 8,
  headSize: 32,
  normEpsilon: 1e-6,
  ropeTheta: 10_000,
  maxPositions: 512,
  bosId: 2,
  eosId: 1,
  padId: 0,
  tieEmbeddings: false,
  initializerRange: 0.02,
};

/** Ids 0 to 2 are pad, eos and bos: the peer suppresses them, so every completion has its full length. */
const FIRST_WORD = 3;

export const SAMPLING: Sampling = {
  groupSize: GROUP_SIZE,
  temperature: 1,
  topK: 0,
  topP: 1,
  maxTokens: COMPLETION_TOKENS,
};

/** The policy that every arm trains, whatever its engine. */
export function benchPolicy(): EngineRequest {
  return {
    name: "bench",
    trained: "all",
    config: CONFIG,
    grammar: plainGrammar(CONFIG.vocabularySize, { start: FIRST_WORD, length: COMPLETION_TOKENS }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(CONFIG, { embeddingStd: 0.02, weightStd: 0.02, seed: 0 }),
    },
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
  };
}

export async function openBenchEngine(changes: Partial<OnnxEngineOptions> = {}): Promise<PolicyEngine> {
  return openOnnxEngine({
    ...benchPolicy(),
    recompute: false,
    threads: 0,
    microbatchTokens: 100_000,
    generationRows: 1024,
    ...changes,
  });
}

/** One rank with all cores, as the peers have them; it writes and trains everything at once, as they do. */
export function openBenchCluster(): Promise<EngineHost> {
  return openTorchHost(
    TorchSettings.parse({
      device: "cpu",
      precision: "float32",
      workers: 1,
      threads: availableParallelism(),
      microbatchGroups: PROMPTS,
      generationRows: PROMPTS * GROUP_SIZE,
    }),
    { logFile: join(tmpdir(), `earl-bench-engine-${process.pid}.log`) },
  );
}

/** The policy in the engine that a program's `--engine` names, and what ends with it. */
export async function openChosenEngine(
  name: string,
  changes: Pick<EngineRequest, "reference"> = {},
): Promise<PolicyEngine> {
  if (name !== "torch") return openBenchEngine(changes);
  const host = await openBenchCluster();
  const engine = await host.openEngine({ ...benchPolicy(), ...changes });
  return Object.assign(engine, { [Symbol.asyncDispose]: () => host[Symbol.asyncDispose]() });
}

export function benchPrompts(): Prompt[] {
  const rng = Rng.from(1, "prompts");
  return Array.from({ length: PROMPTS }, () => ({
    ids: Int32Array.from(
      { length: PROMPT_TOKENS },
      () => FIRST_WORD + rng.integer(CONFIG.vocabularySize - FIRST_WORD),
    ),
    grid: { rows: 1, columns: COMPLETION_TOKENS },
    writes: "image",
  }));
}

/** The peer's reward: the share of even ids. */
export function evenShare(ids: Int32Array): number {
  return ids.reduce((even, id) => even + (id % 2 === 0 ? 1 : 0), 0) / ids.length;
}

/** One measured figure set, as a line that bench/speed reads. */
export function printFigures(figures: Readonly<Record<string, number>>): void {
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}
