/** Peak resident size of a process that opens a policy's directory and writes a short completion with it. */

import { parseArgs } from "node:util";

import { openOnnxEngine } from "../../src/engine/onnx/onnx-engine.ts";
import type { Trained } from "../../src/engine/engine-host.ts";
import { readPolicyConfig } from "../../src/policy/config-file.ts";
import { PROJECTIONS } from "../../src/policy/parameters.ts";
import { plainGrammar } from "../../src/tokens/plain-grammar.ts";
import { printFigures } from "./workload.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { purpose: { type: "string", default: "inference" }, tokens: { type: "string", default: "8" } },
});
const directory = positionals[0] as string;
const length = Number(values.tokens);

/** How the policy is opened; `nothing` measures the process alone. */
const TRAINED: Readonly<Record<string, Trained>> = {
  inference: "none",
  lora: { rank: 16, alpha: 32, targets: PROJECTIONS, isRankStabilised: false },
  training: "all",
};

const trained = TRAINED[values.purpose];
if (trained !== undefined) {
  const { config } = await readPolicyConfig(directory);
  await using engine = await openOnnxEngine({
    config,
    grammar: plainGrammar(config.vocabularySize, { length }),
    weights: { kind: "files", directory },
    trained,
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
    recompute: false,
    threads: 0,
    microbatchTokens: 16_384,
    generationRows: 1,
  });
  const prompt = {
    ids: Int32Array.from({ length: 64 }, (_, index) => 3 + index),
    grid: { rows: 1, columns: length },
    writes: "image" as const,
  };
  const sampling = { groupSize: 1, temperature: 1, topK: 0, topP: 1, maxTokens: length };
  let written = 0;
  for await (const { completions } of engine.generate({ prompts: [prompt], sampling, seed: 0 }))
    for (const { ids } of completions) written += ids.length;
  if (written !== length) throw new Error(`Wrote ${written} tokens.`);
}
printFigures({ peakBytes: process.resourceUsage().maxRSS * 1024 });
