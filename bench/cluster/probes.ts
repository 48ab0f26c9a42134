/** What is measured of an engine, each as a figure or two. */

import { groupAdvantages } from "../../src/algorithms/advantages.ts";
import type { Completion, PolicyEngine, StepMetrics, TrainingGroup } from "../../src/engine/policy-engine.ts";
import { Rng } from "../../src/random.ts";
import type { Prompt } from "../../src/tokens/prompt.ts";
import type { CodeGrid, VisionTokenizer } from "../../src/tokens/vision-tokenizer.ts";

export interface Work {
  readonly groupSize: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly vocabularySize: number;
}

export interface Written {
  readonly prompts: readonly Prompt[];
  readonly groups: readonly (readonly Completion[])[];
  /** Milliseconds of one token of all rows, the prompts' own pass left out. */
  readonly stepMs: number;
  /** Seconds of all, prompts included. */
  readonly seconds: number;
}

export function promptsOf(count: number, { promptTokens, completionTokens, vocabularySize }: Work): Prompt[] {
  const rng = Rng.from(1, "prompts");
  return Array.from({ length: count }, () => ({
    ids: Int32Array.from({ length: promptTokens }, () => 3 + rng.integer(vocabularySize - 3)),
    grid: { rows: 1, columns: completionTokens },
    writes: "image",
  }));
}

/** Writes `rows` completions at once. */
export async function write(engine: PolicyEngine, rows: number, work: Work): Promise<Written> {
  const { groupSize, completionTokens } = work;
  const prompts = promptsOf(Math.max(1, Math.round(rows / groupSize)), work);
  const sampling = {
    groupSize: Math.min(rows, groupSize),
    temperature: 1,
    topK: 0,
    topP: 1,
    maxTokens: completionTokens,
  };
  const groups: (readonly Completion[])[] = prompts.map(() => []);
  const ticks: { readonly at: number; readonly tokens: number }[] = [];
  const start = performance.now();
  const onTokens = (tokens: number): unknown => ticks.push({ at: performance.now(), tokens });
  for await (const { prompt, completions } of engine.generate({ prompts, sampling, seed: 1, onTokens }))
    groups[prompt] = completions;
  const seconds = (performance.now() - start) / 1000;
  const [first, last] = [ticks[0], ticks.at(-1)];
  if (first === undefined || last === undefined || last.tokens === first.tokens) {
    throw new Error(`${completionTokens} tokens are too few to time: take more than 32.`);
  }
  return { prompts, groups, seconds, stepMs: ((last.at - first.at) / (last.tokens - first.tokens)) * rows };
}

/** Seconds of an update on these completions, the second of two, and what the step says. */
export async function update(
  engine: PolicyEngine,
  { prompts, groups }: Written,
): Promise<{ readonly seconds: number; readonly metrics: StepMetrics }> {
  const count = groups.flat().reduce((sum, { ids }) => sum + ids.length, 0);
  const rewards = groups.map((completions) => completions.map(({ ids }) => (ids[0] ?? 0) % 7));
  const advantages = groupAdvantages(rewards, "sample");
  const batch = groups.map((completions, group): TrainingGroup => ({
    prompt: prompts[group]!,
    completions: completions.map(({ ids, constraints }, index) => ({
      ids,
      constraints,
      advantage: advantages[group]?.[index] ?? 0,
      weights: new Float32Array(ids.length).fill(1 / count),
    })),
  }));
  const loss = { surrogate: { kind: "on-policy" }, temperature: 1 } as const;
  await engine.step(batch, loss, 1e-6);
  const start = performance.now();
  const metrics = await engine.step(batch, loss, 1e-6);
  return { seconds: (performance.now() - start) / 1000, metrics };
}

/** How far sampler and trainer are apart, in nats a token. */
export async function agreement(
  engine: PolicyEngine,
  { prompts, groups }: Written,
): Promise<{ readonly mean: number; readonly largest: number }> {
  const asked = groups.map((completions, group) => ({ prompt: prompts[group]!, completions }));
  const { logprobs } = await engine.logprobs(asked, "policy", 1);
  const apart = groups.flatMap((completions, group) =>
    completions.flatMap((completion, index) =>
      Array.from(completion.logprobs, (own, token) => Math.abs(own - logprobs[group]![index]![token]!)),
    ),
  );
  const sum = apart.reduce((total, one) => total + one, 0);
  return { mean: sum / apart.length, largest: apart.reduce((most, one) => Math.max(most, one), 0) };
}

/** Whether the first group is the same, to the bit, when its prompt is asked for alone. */
export async function isIndependent(engine: PolicyEngine, rows: number, work: Work): Promise<boolean> {
  const [many, one] = [await write(engine, rows, work), await write(engine, work.groupSize, work)];
  return (many.groups[0] ?? []).every(({ ids, logprobs }, index) => {
    const alone = one.groups[0]?.[index];
    return String(ids) === String(alone?.ids) && String(logprobs) === String(alone?.logprobs);
  });
}

/** Seconds to decode so many pictures, after one that loads the weights. */
export async function decodePictures(vision: VisionTokenizer, count: number, side: number): Promise<number> {
  const rng = Rng.from(2, "codes");
  const { rows, columns } = vision.gridOf(side, side);
  const grids = Array.from({ length: count }, (): CodeGrid => ({
    rows,
    columns,
    codes: Int32Array.from({ length: rows * columns }, () => rng.integer(vision.codebookSize)),
  }));
  await vision.decode(grids.slice(0, 1));
  const start = performance.now();
  await vision.decode(grids);
  return (performance.now() - start) / 1000;
}
