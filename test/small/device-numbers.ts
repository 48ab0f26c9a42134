/**
 * What a small policy computes on a device: completions, log-probabilities, an SFT step, a GRPO step with KL, and what
 * a checkpoint restores. Run as a program with a device's name it prints them as JSON, since a device's driver is
 * chosen by the environment that a process starts in.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { LossSpec } from "../../src/algorithms/losses.ts";
import { SFT_LOSS } from "../../src/algorithms/losses.ts";
import { openOnnxEngine } from "../../src/engine/onnx/onnx-engine.ts";
import type {
  CompletedGroup,
  Completion,
  PolicyEngine,
  Sampling,
  StepMetrics,
  TrainingGroup,
} from "../../src/engine/policy-engine.ts";
import { EngineError } from "../../src/errors.ts";
import { freshPolicyConfig } from "../../src/policy/config.ts";
import { initialParameters } from "../../src/policy/parameters.ts";
import type { DeviceName } from "../../src/tensor/device.ts";
import { plainGrammar } from "../../src/tokens/plain-grammar.ts";
import type { Prompt } from "../../src/tokens/prompt.ts";

export interface DeviceNumbers {
  /** Ids of every completion, drawn at temperature 1 and drawn with top-k and top-p. */
  readonly ids: readonly (readonly number[])[];
  /** Of those ids: as they were drawn, as the trainer computes them, and after each of three steps. */
  readonly logprobs: Readonly<Record<string, readonly number[]>>;
  readonly steps: readonly StepMetrics[];
  /** The last step, made at the same time by another engine that loaded the checkpoint before it. */
  readonly resumed: StepMetrics;
  /** Whether a step was refused: with an advantage that is no number, and with a learning rate beyond all measure. */
  readonly refused: readonly boolean[];
}

const VOCABULARY = 40;
const LENGTH = 9;
const CONFIG = freshPolicyConfig(
  {
    hiddenSize: 16,
    layers: 2,
    heads: 4,
    keyValueHeads: 2,
    intermediateSize: 24,
    ropeTheta: 500,
    normEpsilon: 1e-5,
    weightStd: 0.3,
  },
  {
    size: VOCABULARY,
    pad: 0,
    bos: 1,
    eos: 2,
  },
  64,
);
const PROMPTS = [
  [1, 2, 3],
  [4, 5, 6, 7, 8],
].map((ids): Prompt => ({ ids: Int32Array.from(ids), grid: { rows: 1, columns: 1 }, writes: "image" }));
const SAMPLING: Sampling = { groupSize: 2, temperature: 1, topK: 0, topP: 1, maxTokens: LENGTH };
const GRPO: LossSpec = {
  surrogate: { kind: "clipped", clipLow: 0.2, clipHigh: 0.3 },
  kl: { estimator: "k3", coef: 0.04 },
  temperature: 1,
};

/** The same work on any device. Throws EngineError where it is not there. */
export async function deviceNumbers(device: DeviceName): Promise<DeviceNumbers> {
  await using engine = await openSmall(device);
  await using other = await openSmall(device);
  const checkpoint = await mkdtemp(join(tmpdir(), "earl-device-"));
  try {
    return await numbersOf(engine, other, checkpoint);
  } finally {
    await rm(checkpoint, { recursive: true });
  }
}

function openSmall(device: DeviceName): Promise<PolicyEngine> {
  return openOnnxEngine({
    config: CONFIG,
    device,
    grammar: plainGrammar(VOCABULARY, { length: LENGTH }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(CONFIG, { embeddingStd: 1, weightStd: 0.3, seed: 5 }),
    },
    reference: "start",
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.1, maxGradNorm: 1 },
    recompute: false,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
  });
}

async function numbersOf(
  engine: PolicyEngine,
  other: PolicyEngine,
  checkpoint: string,
): Promise<DeviceNumbers> {
  const drawn = await collect(engine.generate({ prompts: PROMPTS, sampling: SAMPLING, seed: 11 }));
  const cut = { ...SAMPLING, topK: 5, topP: 0.9 };
  const narrow = await collect(engine.generate({ prompts: PROMPTS, sampling: cut, seed: 12 }));
  const groups = PROMPTS.map((prompt, index) => ({
    prompt,
    completions: [...drawn[index]!, ...narrow[index]!],
  }));
  const flat = async (under: "policy" | "reference"): Promise<number[]> =>
    (await engine.logprobs(groups, under, 1)).logprobs.flat().flatMap((values) => [...values]);

  const { logprobs: start } = await engine.logprobs(groups, "policy", 1);
  const training = groups.map(({ prompt, completions }, group): TrainingGroup => ({
    prompt,
    completions: completions.map(({ ids, constraints }, index) => ({
      ids,
      constraints,
      advantage: index - 1.5,
      weights: new Float32Array(LENGTH).fill(1 / (8 * LENGTH)),
      oldLogprobs: start[group]?.[index] as Float32Array,
      refLogprobs: start[group]?.[index] as Float32Array,
    })),
  }));
  const sft = await engine.step(training, SFT_LOSS, 1e-2);
  const afterSft = await flat("policy");
  const first = await engine.step(training, GRPO, 1e-3);
  await engine.save(checkpoint);
  await other.load(checkpoint);
  const [second, resumed] = await Promise.all([
    engine.step(training, GRPO, 1e-3),
    other.step(training, GRPO, 1e-3),
  ]);
  const afterGrpo = await flat("policy");
  const garbage = training.map(({ prompt, completions }) => ({
    prompt,
    completions: completions.map((one) => ({ ...one, advantage: Number.NaN })),
  }));
  const refused = [
    await isRefused(engine.step(garbage, GRPO, 1e-3)),
    await isRefused(engine.step(training, GRPO, 1e30)),
  ];
  const reference = await flat("reference");
  const all = [...drawn, ...narrow].flat();
  return {
    ids: all.map(({ ids }) => [...ids]),
    logprobs: {
      drawn: all.flatMap(({ logprobs }) => [...logprobs]),
      scored: start.flat().flatMap((values) => [...values]),
      afterSft,
      afterGrpo,
      afterRefusals: await flat("policy"),
      reference,
    },
    steps: [sft, first, second],
    resumed,
    refused,
  };
}

async function isRefused(step: Promise<unknown>): Promise<boolean> {
  return step.then(
    () => false,
    (error: unknown) => error instanceof EngineError && error.message.startsWith("The step was not made"),
  );
}

async function collect(groups: AsyncIterable<CompletedGroup>): Promise<(readonly Completion[])[]> {
  const result: (readonly Completion[])[] = [];
  for await (const { prompt, completions } of groups) result[prompt] = completions;
  return result;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await deviceNumbers(process.argv[2] as DeviceName)));
}
