/**
 * Peak resident size of a process that takes two training steps on the shared work.
 *
 *   node src/from-source.mjs bench/ours/training-memory.ts [--recompute]   # activations computed again instead of kept
 */

import { parseArgs } from "node:util";

import { SFT_LOSS } from "../../src/algorithms/losses.ts";
import { Rng } from "../../src/random.ts";
import {
  benchPrompts,
  COMPLETION_TOKENS,
  CONFIG,
  GROUP_SIZE,
  openBenchEngine,
  printFigures,
  PROMPTS,
} from "./workload.ts";

const { values } = parseArgs({ options: { recompute: { type: "boolean", default: false } } });
await using engine = await openBenchEngine({ recompute: values.recompute });
const rng = Rng.from(2, "completions");
const weights = new Float32Array(COMPLETION_TOKENS).fill(1 / (PROMPTS * GROUP_SIZE * COMPLETION_TOKENS));
const batch = benchPrompts().map((prompt) => ({
  prompt,
  completions: Array.from({ length: GROUP_SIZE }, () => ({
    constraints: new Int8Array(COMPLETION_TOKENS),
    ids: Int32Array.from({ length: COMPLETION_TOKENS }, () => 3 + rng.integer(CONFIG.vocabularySize - 3)),
    advantage: rng.normal(),
    weights,
  })),
}));
for (let step = 0; step < 2; step += 1) await engine.step(batch, SFT_LOSS, 1e-4);
printFigures({ peakBytes: process.resourceUsage().maxRSS * 1024 });
