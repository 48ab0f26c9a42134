/** Tokens a second of sampling 64 rows, prompts computed once a group. */

import { parseArgs } from "node:util";

import {
  benchPrompts,
  COMPLETION_TOKENS,
  GROUP_SIZE,
  openChosenEngine,
  printFigures,
  PROMPTS,
  SAMPLING,
} from "./workload.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    warmup: { type: "string", default: "2" },
    engine: { type: "string", default: "onnx" },
  },
});

await using engine = await openChosenEngine(values.engine);
const prompts = benchPrompts();
for (let round = 0; round < Number(values.rounds) + Number(values.warmup); round += 1) {
  const start = performance.now();
  let tokens = 0;
  for await (const { completions } of engine.generate({ prompts, sampling: SAMPLING, seed: round }))
    for (const { ids } of completions) tokens += ids.length;
  const seconds = (performance.now() - start) / 1000;
  if (tokens !== PROMPTS * GROUP_SIZE * COMPLETION_TOKENS) throw new Error(`Wrote ${tokens} tokens.`);
  if (round >= Number(values.warmup)) printFigures({ seconds, tokensPerSecond: tokens / seconds });
}
