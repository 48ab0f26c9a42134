/** The in-process engine: the contract, and equivalences that only it can show. */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import type { LossSpec } from "../../algorithms/losses.ts";
import { tokenTerms } from "../../../test/small/tabular-loss.ts";
import { SFT_LOSS } from "../../algorithms/losses.ts";
import { CheckpointError, DataError, ShapeError } from "../../errors.ts";
import { freshPolicyConfig } from "../../policy/config.ts";
import type { LoraSettings } from "../../policy/lora.ts";
import { initialParameters, PROJECTIONS } from "../../policy/parameters.ts";
import { Rng } from "../../random.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import { engineContract, type ContractSubject } from "../policy-engine.contract.ts";
import type { TrainingGroup } from "../policy-engine.ts";
import type { OnnxEngineOptions } from "./onnx-engine.ts";
import { drawnFrom } from "../generation-run.ts";
import { openOnnxEngine } from "./onnx-engine.ts";
import { packBatch } from "./packed-batch.ts";
import { PolicyWorkspace } from "./policy-workspace.ts";

const VOCABULARY_SIZE = 40;
const LENGTH = 7;

function options(vocabularySize = VOCABULARY_SIZE): OnnxEngineOptions {
  const config = freshPolicyConfig(
    {
      hiddenSize: 16,
      layers: 2,
      heads: 4,
      keyValueHeads: 2,
      intermediateSize: 24,
      ropeTheta: 500,
      normEpsilon: 1e-5,
      weightStd: 0.2,
    },
    { size: vocabularySize, pad: 0, bos: 1, eos: 2 },
    64,
  );
  return {
    config,
    grammar: plainGrammar(vocabularySize, { length: LENGTH }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 1, weightStd: 0.3, seed: 5 }),
    },
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0, maxGradNorm: 1 },
    recompute: false,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
  };
}

function subjectOf(changes: Partial<OnnxEngineOptions>): ContractSubject {
  return {
    open: ({ grammar, vocabularySize }, { hasReference }) =>
      openOnnxEngine({
        ...options(vocabularySize),
        grammar,
        reference: hasReference ? "start" : undefined,
        ...changes,
      }),
    learningRate: 1e-3,
  };
}

engineContract("the onnx engine", subjectOf({}));

/** Beside every projection, so that each kind of linear map is adapted. */
const LORA: LoraSettings = { rank: 4, alpha: 6, targets: PROJECTIONS, isRankStabilised: false };

// Steps of several passes, and one prompt's generation after the other.
engineContract(
  "the onnx engine with LoRA, in small pieces,",
  subjectOf({ trained: LORA, microbatchTokens: 40, generationRows: 3 }),
);

/** `first` is the lowest id. */
function groups(prompts: number, groupSize: number, first = 0): TrainingGroup[] {
  const rng = Rng.from(3, "groups");
  const ids = (length: number): Int32Array =>
    Int32Array.from({ length }, () => first + rng.integer(VOCABULARY_SIZE - first));
  return Array.from({ length: prompts }, (_, index) => ({
    prompt: { ids: ids(4 + index), grid: { rows: 1, columns: 1 }, writes: "image" } satisfies Prompt,
    completions: Array.from({ length: groupSize }, () => ({
      ids: ids(LENGTH),
      constraints: new Int8Array(LENGTH),
      advantage: rng.normal(),
      weights: new Float32Array(LENGTH).fill(1 / (prompts * groupSize * LENGTH)),
      oldLogprobs: Float32Array.from({ length: LENGTH }, () => -3 + rng.normal()),
      refLogprobs: Float32Array.from({ length: LENGTH }, () => -3 + rng.normal()),
    })),
  }));
}

/** A step's metrics and the log-probabilities after it: equal where the updates were equal. */
async function afterSteps(
  changes: Partial<OnnxEngineOptions>,
  batch: readonly TrainingGroup[],
  loss: LossSpec,
): Promise<number[]> {
  await using engine = await openOnnxEngine({ ...options(), ...changes });
  const metrics = [];
  for (let step = 0; step < 2; step += 1) metrics.push(await engine.step(batch, loss, 1e-2));
  const { logprobs } = await engine.logprobs(batch, "policy", 1);
  return [
    ...metrics.flatMap(({ loss: value, gradNorm, entropy }) => [value, gradNorm, entropy]),
    ...logprobs.flat().flatMap((values) => [...values]),
  ];
}

function expectClose(left: readonly number[], right: readonly number[], tolerance: number): void {
  expect(left).toHaveLength(right.length);
  for (const [index, value] of left.entries())
    expect(Math.abs(value - (right[index] as number))).toBeLessThan(tolerance);
}

const GRPO: LossSpec = {
  surrogate: { kind: "on-policy" },
  kl: { estimator: "k3", coef: 0.1 },
  temperature: 1,
};

describe("the onnx engine", () => {
  test("accumulates microbatches to the same update as the whole batch", async () => {
    const batch = groups(4, 3);
    expectClose(
      await afterSteps({ microbatchTokens: 40 }, batch, GRPO),
      await afterSteps({}, batch, GRPO),
      1e-4,
    );
  });

  test("computes the prompt once a group and gets the gradient of every completion by itself", async () => {
    const batch = groups(3, 4);
    const alone = batch.flatMap(({ prompt, completions }) =>
      completions.map((one) => ({ prompt, completions: [one] })),
    );
    expectClose(await afterSteps({}, batch, GRPO), await afterSteps({}, alone, GRPO), 1e-4);
  });

  test("computes the same with activations recomputed in the backward pass", async () => {
    const batch = groups(3, 4);
    expectClose(await afterSteps({ recompute: true }, batch, GRPO), await afterSteps({}, batch, GRPO), 1e-5);
  });

  test.each([
    { kind: "clipped", clipLow: 0.2, clipHigh: 0.28 },
    { kind: "sequence-clipped", clipLow: 0.2, clipHigh: 0.28 },
    { kind: "capped-weight", clipHigh: 1 },
  ] as const)(
    "computes the $kind surrogate with every KL estimator as the formulas say",
    async (surrogate) => {
      const batch = groups(2, 3);
      for (const estimator of ["k1", "k2", "k3"] as const) {
        const loss: LossSpec = { surrogate, kl: { estimator, coef: 0.1 }, temperature: 1.3 };
        await using engine = await openOnnxEngine(options());
        const { logprobs } = await engine.logprobs(batch, "policy", loss.temperature);
        const terms = batch.flatMap(({ completions }, group) =>
          completions.flatMap((completion, index) => {
            const row = [...logprobs[group]![index]!];
            const choices = row.map((logprob, position) => ({
              key: "",
              position,
              picked: 0,
              probabilities: [Math.exp(logprob)],
            }));
            return tokenTerms(completion, choices, loss);
          }),
        );
        const meanOf = (of: (term: (typeof terms)[0]) => number): number =>
          terms.reduce((sum, term) => sum + of(term), 0) / terms.length;
        const metrics = await engine.step(batch, loss, 1e-3);
        expect(metrics.loss).toBeCloseTo(terms.length * meanOf((term) => term.loss), 4);
        expect(metrics.kl).toBeCloseTo(
          meanOf((term) => term.kl),
          4,
        );
        expect(metrics.clipLow).toBeCloseTo(
          meanOf((term) => (term.clipped < 0 ? 1 : 0)),
          6,
        );
        expect(metrics.clipHigh).toBeCloseTo(
          meanOf((term) => (term.clipped > 0 ? 1 : 0)),
          6,
        );
      }
    },
  );

  test("learns the same again with several threads, and the same as with one but for rounding", async () => {
    // Large enough that onnxruntime shares every op among its threads.
    const batch = groups(64, 24);
    const inThreads = (threads: number): Promise<number[]> =>
      afterSteps({ threads, microbatchTokens: 100_000 }, batch, GRPO);
    const several = await inThreads(4);
    expect(await inThreads(4)).toEqual(several);
    expectClose(several, await inThreads(1), 1e-4);
  });

  test.each([
    { what: "a learning rate beyond all measure", learningRate: 1e30, optimizer: {} },
    { what: "second moments that never come", learningRate: 1e-3, optimizer: { beta2: 1 } },
    { what: "first moments that never come", learningRate: 1e-3, optimizer: { beta1: 1 } },
    { what: "an epsilon that float32 rounds to 0", learningRate: 1e-3, optimizer: { epsilon: 1e-300 } },
  ])("makes no step with $what, and says what was not finite", async ({ learningRate, optimizer }) => {
    // The image's ids alone: the gradient of the head's other rows is exactly 0.
    const grammar = plainGrammar(VOCABULARY_SIZE, { start: 8, length: LENGTH });
    const batch = groups(2, 3, 8);
    for (const microbatchTokens of [10_000, 40]) {
      const settings = { ...options(), grammar, microbatchTokens };
      await using engine = await openOnnxEngine({
        ...settings,
        optimizer: { ...settings.optimizer, ...optimizer },
      });
      const before = await engine.logprobs(batch, "policy", 1);
      for (let attempt = 0; attempt < 2; attempt += 1) {
        await expect(engine.step(batch, SFT_LOSS, learningRate)).rejects.toThrow(
          "The step was not made: its norm of the updated weights is",
        );
      }
      expect(await engine.logprobs(batch, "policy", 1)).toEqual(before);
    }
  });

  test("names the loss and the gradient norm that stopped a step", async () => {
    await using engine = await openOnnxEngine(options());
    const batch = groups(2, 3).map(({ prompt, completions }) => ({
      prompt,
      completions: completions.map((one) => ({ ...one, advantage: Infinity })),
    }));
    await expect(engine.step(batch, SFT_LOSS, 1e-3)).rejects.toThrow(
      /its loss is (NaN|-?Infinity), its gradient norm is (NaN|Infinity)/,
    );
  });

  test("refuses constraints that do not belong to the ids", async () => {
    await using engine = await openOnnxEngine(options());
    const [{ prompt, completions }] = groups(1, 1) as [TrainingGroup];
    const score = (change: object): Promise<unknown> =>
      engine.logprobs([{ prompt, completions: [{ ...completions[0]!, ...change }] }], "policy", 1);
    await expect(score({ constraints: new Int8Array(2) })).rejects.toThrow(ShapeError);
    await expect(score({ constraints: new Int8Array(LENGTH).fill(3) })).rejects.toThrow("no segment 3");
    await expect(score({ ids: new Int32Array(LENGTH).fill(VOCABULARY_SIZE) })).rejects.toThrow(DataError);
  });
});

describe("weights that are not finite", () => {
  test("are refused when an engine is opened on them and when it loads them, by what reading them says", async () => {
    const folder = await mkdtemp(join(tmpdir(), "earl-garbage-"));
    try {
      await using engine = await openOnnxEngine(options());
      await engine.save(folder);
      const path = join(folder, "model.safetensors");
      const bytes = await readFile(path);
      // The last value of the file is some weight's.
      bytes.writeFloatLE(Number.NaN, bytes.length - 4);
      await writeFile(path, bytes);
      const opened = openOnnxEngine({ ...options(), weights: { kind: "files", directory: folder } });
      await expect(opened).rejects.toThrow(CheckpointError);
      await expect(opened).rejects.toThrow("is not finite");
      await expect(engine.load(folder)).rejects.toThrow(CheckpointError);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("a workspace", () => {
  test("frees a generation that is ended, finished or not, and knows no other", async () => {
    const { grammar, weights, ...settings } = options();
    await using space = new PolicyWorkspace({ ...settings, segments: grammar.segments });
    await space.setState(weights);
    const start = {
      prompts: 1,
      groupSize: 2,
      prefix: 3,
      tokens: BigInt64Array.of(1n, 2n, 3n),
      lengths: [3],
      steps: LENGTH,
      drawing: { isGreedy: false, topK: 0, topP: 1 },
      temperature: 1,
      guidance: undefined,
    };
    const run = {
      steps: 1,
      tokens: BigInt64Array.of(4n, 4n),
      forced: BigInt64Array.of(drawnFrom(0), drawnFrom(0)),
      uniform: Float32Array.of(0.3, 0.8),
      drawn: [0],
    };
    const [first, second] = [await space.startGeneration(start), await space.startGeneration(start)];
    const { ids } = await space.decode(first.generation, run);
    // Two of one shape do not share what they wrote.
    expect((await space.decode(second.generation, run)).ids).toEqual(ids);
    space.endGeneration(first.generation);
    await expect(space.decode(first.generation, run)).rejects.toThrow("No generation 1 is under way.");
    const third = await space.startGeneration(start);
    expect((await space.decode(third.generation, run)).ids).toEqual(ids);
    expect(third.generation).toBe(3);
  });

  test("opens no graph for what it did before", async () => {
    const { grammar, weights, ...settings } = options();
    await using space = new PolicyWorkspace({ ...settings, segments: grammar.segments });
    await space.setState(weights);
    const { shape, feeds } = packBatch(groups(3, 2), grammar.segments);
    const work = async (): Promise<void> => {
      await space.logprobs({ shape, feeds }, "policy", 1);
      await space.step([{ shape, feeds }], SFT_LOSS, 1e-3);
      await space.step(
        [
          { shape, feeds },
          { shape, feeds },
        ],
        SFT_LOSS,
        1e-3,
      );
    };
    await work();
    const sessions = space.runner.size;
    await work();
    expect(sessions).toBe(4);
    expect(space.runner.size).toBe(sessions);
  });
});
