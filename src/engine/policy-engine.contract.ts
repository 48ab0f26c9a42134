/** What every PolicyEngine must do, as a suite that each implementation runs. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SFT_LOSS } from "../algorithms/losses.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type {
  CompletedGroup,
  Completion,
  CompletionGroup,
  PolicyEngine,
  Sampling,
  TrainingGroup,
} from "./policy-engine.ts";

export interface ContractSubject {
  /** An engine over a plain grammar (one segment, completions of `length` free tokens) with seeded weights, which are its reference policy too. */
  open(): Promise<PolicyEngine>;
  readonly vocabularySize: number;
  readonly length: number;
}

const SAMPLING: Sampling = { groupSize: 3, temperature: 1, topK: 0, topP: 1, maxTokens: 64 };

/** Every group's completions, in the order of the prompts. */
async function collect(groups: AsyncIterable<CompletedGroup>): Promise<(readonly Completion[])[]> {
  const result: (readonly Completion[])[] = [];
  for await (const { prompt: number, completions } of groups) result[number] = completions;
  return result;
}

function prompt(...ids: readonly number[]): Prompt {
  return { ids: Int32Array.from(ids), grid: { rows: 1, columns: 1 }, writes: "image" };
}

const PROMPTS = [prompt(1, 2, 3), prompt(4, 5, 6, 7, 8), prompt(9)];

export function engineContract(name: string, subject: ContractSubject): void {
  describe(`${name} as a PolicyEngine`, () => {
    let engine: PolicyEngine;
    let written: (readonly Completion[])[];
    const write = (
      sampling: Partial<Sampling>,
      seed: number,
      prompts = PROMPTS,
    ): Promise<(readonly Completion[])[]> =>
      collect(engine.generate({ prompts, sampling: { ...SAMPLING, ...sampling }, seed }));
    beforeAll(async () => {
      engine = await subject.open();
      written = await write({}, 11);
    });
    afterAll(async () => engine[Symbol.asyncDispose]());

    const groupsOf = (completions: readonly (readonly Completion[])[]): CompletionGroup[] =>
      PROMPTS.map((given, index) => ({ prompt: given, completions: completions[index]! }));

    const asTraining = (completions: readonly (readonly Completion[])[]): TrainingGroup[] =>
      PROMPTS.map((given, number) => ({
        prompt: given,
        completions: completions[number]!.map(({ ids, constraints }, index) => ({
          ids,
          constraints,
          advantage: index - 1,
          weights: new Float32Array(ids.length).fill(1 / (9 * ids.length)),
        })),
      }));

    const expectAgreement = async (
      completions: readonly (readonly Completion[])[],
      temperature: number,
    ): Promise<void> => {
      const { logprobs } = await engine.logprobs(groupsOf(completions), "policy", temperature);
      const differences = completions.flatMap((group, number) =>
        group.flatMap((one, index) =>
          Array.from(one.logprobs, (value, at) => Math.abs(value - logprobs[number]![index]![at]!)),
        ),
      );
      const sum = differences.reduce((total, value) => total + value, 0);
      expect(Math.max(...differences)).toBeLessThanOrEqual(engine.agreement.largest);
      expect(sum / differences.length).toBeLessThanOrEqual(engine.agreement.mean);
    };

    test("writes a whole group for every prompt", () => {
      expect(written).toHaveLength(PROMPTS.length);
      for (const group of written) {
        expect(group).toHaveLength(3);
        for (const { ids, logprobs, constraints, isFinished } of group) {
          expect(ids).toHaveLength(subject.length);
          expect(logprobs).toHaveLength(subject.length);
          expect(constraints).toEqual(new Int8Array(subject.length));
          expect(isFinished).toBe(true);
          expect(ids.every((id) => id >= 0 && id < subject.vocabularySize)).toBe(true);
        }
      }
    });

    test("writes the same for the same seed and something else for another", async () => {
      const other = await write({}, 12);
      expect(await write({}, 11)).toEqual(written);
      expect(other.flat().map(({ ids }) => ids.join())).not.toEqual(
        written.flat().map(({ ids }) => ids.join()),
      );
    });

    test("draws with the log-probabilities that the trainer computes", () => expectAgreement(written, 1));

    test("draws at another temperature with that temperature's log-probabilities", async () => {
      await expectAgreement(await write({ temperature: 1.7 }, 3), 1.7);
    });

    test("takes the likeliest id at temperature 0 and with top-k 1", async () => {
      const idsOf = async (sampling: Partial<Sampling>, seed: number): Promise<Int32Array[]> =>
        (await write(sampling, seed)).flat().map(({ ids }) => ids);
      const greedy = await idsOf({ temperature: 0 }, 1);
      expect(await idsOf({ topK: 1 }, 2)).toEqual(greedy);
      expect(await idsOf({ topP: 1e-6 }, 3)).toEqual(greedy);
    });

    test("cuts off at maxTokens and says so", async () => {
      const [[short] = []] = await write({ maxTokens: 2 }, 1, PROMPTS.slice(0, 1));
      expect(short?.ids).toHaveLength(2);
      expect(short?.isFinished).toBe(false);
    });

    test("makes completions with a positive advantage likelier, and leaves the reference where it was", async () => {
      await using own = await subject.open();
      const groups = groupsOf(written);
      const { logprobs: before } = await own.logprobs(groups, "policy", 1);
      for (let step = 0; step < 5; step += 1) await own.step(asTraining(written), SFT_LOSS, 1e-3);
      const { logprobs: after } = await own.logprobs(groups, "policy", 1);
      const { logprobs: reference } = await own.logprobs(groups, "reference", 1);
      const total = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);
      for (const index of groups.keys()) {
        expect(total(after[index]![2]!)).toBeGreaterThan(total(before[index]![2]!));
        expect(total(after[index]![0]!)).toBeLessThan(total(before[index]![0]!));
      }
      expect(reference).toEqual(before);
    });

    test("goes on from a saved state as if nothing had happened", async () => {
      const directory = await mkdtemp(join(tmpdir(), "earl-engine-"));
      await using first = await subject.open();
      await using second = await subject.open();
      await first.step(asTraining(written), SFT_LOSS, 1e-3);
      await first.save(directory);
      const straight = await first.step(asTraining(written), SFT_LOSS, 1e-3);
      await second.load(directory);
      expect(await second.step(asTraining(written), SFT_LOSS, 1e-3)).toEqual(straight);
      const scored = await Promise.all(
        [first, second].map((each) => each.logprobs(groupsOf(written), "policy", 1)),
      );
      expect(scored[1]).toEqual(scored[0]);
    });

    test("counts the operations that a result took", async () => {
      const flops: number[] = [];
      const request = { prompts: PROMPTS, sampling: SAMPLING, seed: 11 };
      for await (const group of engine.generate(request)) flops.push(group.flops);
      expect(flops.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(0);
      expect((await engine.logprobs(groupsOf(written), "policy", 1)).flops).toBeGreaterThan(0);
      expect((await engine.step(asTraining(written), SFT_LOSS, 0)).flops).toBeGreaterThan(0);
    });
  });
}
