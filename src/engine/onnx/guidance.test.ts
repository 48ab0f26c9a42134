/** Classifier-free guidance against the combination written out by hand from unguided log-probabilities. */

import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { freshPolicyConfig } from "../../policy/config.ts";
import { initialParameters } from "../../policy/parameters.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import type { Prompt } from "../../tokens/prompt.ts";
import type { Completion, PolicyEngine, Sampling } from "../policy-engine.ts";
import { openOnnxEngine } from "./onnx-engine.ts";

const SIZE = 24;
const LENGTH = 4;
/** float32 rounds it to 1, but it is not 1: the second pass is made and must not change anything. */
const NEARLY_ONE = 1 + Number.EPSILON;
const SAMPLING: Sampling = { groupSize: 5, temperature: 1, topK: 0, topP: 1, maxTokens: 64 };

const prompt = (ids: readonly number[], without: readonly number[]): Prompt => ({
  ids: Int32Array.from(ids),
  idsWithoutInstruction: Int32Array.from(without),
  grid: { rows: 1, columns: 1 },
  writes: "image",
});
const PROMPTS = [prompt([1, 2, 3, 4, 9], [1, 2, 9]), prompt([5, 6, 7, 9], [5, 9]), prompt([8, 4, 9], [9])];

let engine: PolicyEngine;
beforeAll(async () => {
  const sizes = { hiddenSize: 16, layers: 2, heads: 4, keyValueHeads: 2, intermediateSize: 24 };
  const config = freshPolicyConfig(
    { ...sizes, ropeTheta: 500, normEpsilon: 1e-5, weightStd: 0.2 },
    { size: SIZE, pad: 0, bos: 1, eos: 2 },
    64,
  );
  engine = await openOnnxEngine({
    config,
    grammar: plainGrammar(SIZE, { length: LENGTH }),
    weights: {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 1, weightStd: 0.4, seed: 7 }),
    },
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.95, epsilon: 1e-6, weightDecay: 0, maxGradNorm: 1 },
    recompute: false,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
  });
});
afterAll(() => engine[Symbol.asyncDispose]());

/** A completion with its prompt's number, and its own within the group. */
type Written = Completion & { readonly prompt: number; readonly index: number };

async function write(sampling: Partial<Sampling>, seed = 1, prompts = PROMPTS): Promise<Written[]> {
  const written: Written[] = [];
  const request = { prompts, sampling: { ...SAMPLING, ...sampling }, seed };
  for await (const { prompt: number, completions } of engine.generate(request))
    written.push(...completions.map((one, index) => ({ ...one, prompt: number, index })));
  return written;
}

/** Log-probabilities of every id after a prompt and the beginning of a completion. [SIZE] */
async function distribution(ids: Int32Array, begun: Int32Array): Promise<number[]> {
  const completions = Array.from({ length: SIZE }, (_, id) => ({
    ids: Int32Array.of(...begun, id),
    constraints: new Int8Array(begun.length + 1),
  }));
  const group = { prompt: { ...(PROMPTS[0] as Prompt), ids }, completions };
  const { logprobs } = await engine.logprobs([group], "policy", 1);
  return (logprobs[0] ?? []).map((row) => row.at(-1) as number);
}

/** c and u of the formula, for the id at `place` of a completion. */
async function pair({ prompt: number, ids }: Written, place: number): Promise<[number[], number[]]> {
  const { ids: conditional, idsWithoutInstruction } = PROMPTS[number] as Prompt;
  const begun = ids.subarray(0, place);
  return [
    await distribution(conditional, begun),
    await distribution(idsWithoutInstruction as Int32Array, begun),
  ];
}

const guided = (c: readonly number[], u: readonly number[], guidance: number): number[] =>
  u.map((value, id) => value + guidance * ((c[id] as number) - value));
const logSoftmax = (values: readonly number[]): number[] => {
  const largest = Math.max(...values);
  const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0)) + largest;
  return values.map((value) => value - total);
};

describe("guidance", () => {
  test("of 1 draws what no guidance draws", async () => {
    const [plain, off, second] = [
      await write({}),
      await write({ guidance: 1 }),
      await write({ guidance: NEARLY_ONE }),
    ];
    expect(off).toEqual(plain);
    expect(second.map(({ ids }) => ids)).toEqual(plain.map(({ ids }) => ids));
    for (const [index, { logprobs }] of second.entries()) {
      for (const [place, value] of logprobs.entries())
        expect(value).toBeCloseTo(plain[index]?.logprobs[place] as number, 4);
    }
  });

  test.each([
    [3, 1],
    [0.5, 1.7],
    [0, 1],
  ])(
    "of %d at temperature %d is u + G · (c − u), divided by the temperature",
    async (guidance, temperature) => {
      const written = await write({ guidance, temperature });
      for (const completion of written.filter(({ index }) => index < 2)) {
        for (const [place, id] of completion.ids.entries()) {
          const combined = guided(...(await pair(completion, place)), guidance);
          const wanted = logSoftmax(combined.map((value) => value / temperature));
          expect(Math.abs((completion.logprobs[place] as number) - (wanted[id] as number))).toBeLessThan(
            2e-4,
          );
        }
      }
    },
  );

  test("sharpens toward the instruction: more of it never takes an id that the instruction favours less", async () => {
    const favour = await Promise.all(
      PROMPTS.map(async ({ ids, idsWithoutInstruction }) => {
        const c = await distribution(ids, new Int32Array());
        const u = await distribution(idsWithoutInstruction as Int32Array, new Int32Array());
        return c.map((value, id) => value - (u[id] as number));
      }),
    );
    const taken = async (guidance: number): Promise<number[]> => {
      const likeliest = await write({ guidance, temperature: 0, groupSize: 1, maxTokens: 1 });
      return likeliest.map(({ prompt: number, ids }) => favour[number]?.[ids[0] as number] as number);
    };
    const strength = fc.double({ min: 0, max: 20, noNaN: true });
    const guidances = fc.tuple(strength, strength);
    await fc.assert(
      fc.asyncProperty(guidances, async (pairOfThem) => {
        const [less, more] = pairOfThem.toSorted((left, right) => left - right) as [number, number];
        const [before, after] = [await taken(less), await taken(more)];
        for (const [index, value] of after.entries())
          expect(value).toBeGreaterThanOrEqual((before[index] as number) - 1e-4);
      }),
      { numRuns: 20 },
    );
    const most = favour.map((differences) => Math.max(...differences));
    for (const [index, value] of (await taken(1e4)).entries()) expect(value).toBeCloseTo(most[index]!, 4);
  });

  test("does not depend on the prompts beside it", async () => {
    const together = await write({ guidance: 4 }, 3);
    const alone = await write({ guidance: 4 }, 3, PROMPTS.slice(0, 1));
    expect(together.filter((one) => one.prompt === 0).map(({ ids }) => ids)).toEqual(
      alone.map(({ ids }) => ids),
    );
  });

  test("refuses a prompt that has nothing to be compared with", async () => {
    const bare: Prompt = { ids: Int32Array.of(1, 2), grid: { rows: 1, columns: 1 }, writes: "image" };
    const other = prompt([1, 2], [1, 3]);
    for (const [one, message] of [
      [bare, "without its instruction"],
      [other, "ends with id 2"],
    ] as const) {
      await expect(write({ guidance: 3 }, 1, [one])).rejects.toThrow(message);
    }
  });
});

describe("a watched generation", () => {
  test("counts every id that was written, up to the last", async () => {
    const counts: number[] = [];
    let total = 0;
    const request = {
      prompts: PROMPTS,
      sampling: SAMPLING,
      seed: 1,
      onTokens: (n: number) => counts.push(n),
    };
    for await (const { completions } of engine.generate(request))
      total += completions.reduce((sum, { ids }) => sum + ids.length, 0);
    // Four ids of every completion are certain from the start, so all of them come in one run.
    expect(counts).toEqual([60]);
    expect(total).toBe(60);
  });
});
