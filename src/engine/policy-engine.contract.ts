/** What every PolicyEngine must do, as a suite that each implementation runs. */

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SFT_LOSS } from "../algorithms/losses.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type { Completion, PolicyEngine, Sampling, TrainingGroup } from "./policy-engine.ts";

export interface ContractSubject {
  /** An engine over a plain grammar (one segment, completions of `length` free tokens) with seeded weights. */
  open(): Promise<PolicyEngine>;
  readonly vocabularySize: number;
  readonly length: number;
}

const SAMPLING: Sampling = { groupSize: 3, temperature: 1, topK: 0, topP: 1, maxTokens: 64 };

async function collect(completions: AsyncIterable<Completion>): Promise<Completion[]> {
  const result: Completion[] = [];
  for await (const completion of completions) result.push(completion);
  return result;
}

function prompt(...ids: readonly number[]): Prompt {
  return { ids: Int32Array.from(ids), grid: { rows: 1, columns: 1 }, writes: "image" };
}

const PROMPTS = [prompt(1, 2, 3), prompt(4, 5, 6, 7, 8), prompt(9)];

export function engineContract(name: string, subject: ContractSubject): void {
  describe(`${name} as a PolicyEngine`, () => {
    let engine: PolicyEngine;
    let completions: Completion[];
    beforeAll(async () => {
      engine = await subject.open();
      completions = await collect(engine.generate(PROMPTS, SAMPLING, 11));
    });
    afterAll(async () => engine.close());

    const groupsOf = (written: readonly Completion[]): { prompt: Prompt; completions: Completion[] }[] =>
      PROMPTS.map((given, index) => ({
        prompt: given,
        completions: written.filter((one) => one.prompt === index),
      }));

    const asTraining = (written: readonly Completion[]): TrainingGroup[] =>
      groupsOf(written).map(({ prompt: given, completions: group }) => ({
        prompt: given,
        completions: group.map(({ ids, index }) => ({
          ids,
          advantage: index - 1,
          weights: new Float32Array(ids.length).fill(1 / (written.length * ids.length)),
        })),
      }));

    test("writes a whole group for every prompt", () => {
      for (const { completions: group } of groupsOf(completions)) {
        expect(group.map(({ index }) => index).toSorted((left, right) => left - right)).toEqual([0, 1, 2]);
        for (const { ids, logprobs, isFinished } of group) {
          expect(ids).toHaveLength(subject.length);
          expect(logprobs).toHaveLength(subject.length);
          expect(isFinished).toBe(true);
          expect(ids.every((id) => id >= 0 && id < subject.vocabularySize)).toBe(true);
        }
      }
    });

    test("writes the same for the same seed and something else for another", async () => {
      const again = await collect(engine.generate(PROMPTS, SAMPLING, 11));
      const other = await collect(engine.generate(PROMPTS, SAMPLING, 12));
      expect(again).toEqual(completions);
      expect(other.map(({ ids }) => ids.join())).not.toEqual(completions.map(({ ids }) => ids.join()));
    });

    test("draws with the log-probabilities that the trainer computes", async () => {
      const scored = await engine.logprobs(groupsOf(completions), "policy", 1);
      for (const [index, { completions: group }] of groupsOf(completions).entries()) {
        for (const [position, { logprobs }] of group.entries()) {
          for (const [token, logprob] of logprobs.entries()) {
            expect(Math.abs(logprob - (scored[index]?.[position]?.[token] as number))).toBeLessThan(1e-4);
          }
        }
      }
    });

    test("draws at another temperature with that temperature's log-probabilities", async () => {
      const hot = await collect(engine.generate(PROMPTS, { ...SAMPLING, temperature: 1.7 }, 3));
      const scored = await engine.logprobs(groupsOf(hot), "policy", 1.7);
      const flat = groupsOf(hot).flatMap(({ completions: group }) => group);
      for (const [index, { logprobs }] of flat.entries()) {
        const wanted = scored.flat()[index] as Float32Array;
        for (const [token, logprob] of logprobs.entries()) {
          expect(Math.abs(logprob - (wanted[token] as number))).toBeLessThan(1e-4);
        }
      }
    });

    test("takes the likeliest id at temperature 0 and with top-k 1", async () => {
      const greedy = await collect(engine.generate(PROMPTS, { ...SAMPLING, temperature: 0 }, 1));
      const single = await collect(engine.generate(PROMPTS, { ...SAMPLING, topK: 1 }, 2));
      const narrow = await collect(engine.generate(PROMPTS, { ...SAMPLING, topP: 1e-6 }, 3));
      expect(single.map(({ ids }) => ids)).toEqual(greedy.map(({ ids }) => ids));
      expect(narrow.map(({ ids }) => ids)).toEqual(greedy.map(({ ids }) => ids));
    });

    test("cuts off at maxTokens and says so", async () => {
      const [short] = await collect(engine.generate(PROMPTS.slice(0, 1), { ...SAMPLING, maxTokens: 2 }, 1));
      expect(short?.ids).toHaveLength(2);
      expect(short?.isFinished).toBe(false);
    });

    test("makes completions with a positive advantage likelier, and leaves the reference where it was", async () => {
      const own = await subject.open();
      await own.freezeReference();
      const groups = groupsOf(completions);
      const before = await own.logprobs(groups, "policy", 1);
      for (let step = 0; step < 5; step += 1) await own.step(asTraining(completions), SFT_LOSS, 1e-3);
      const after = await own.logprobs(groups, "policy", 1);
      const reference = await own.logprobs(groups, "reference", 1);
      const total = (values: Float32Array | undefined): number =>
        (values ?? new Float32Array()).reduce((sum, value) => sum + value, 0);
      for (const index of groups.keys()) {
        expect(total(after[index]?.[2])).toBeGreaterThan(total(before[index]?.[2]));
        expect(total(after[index]?.[0])).toBeLessThan(total(before[index]?.[0]));
      }
      expect(reference).toEqual(before);
      await own.close();
    });

    test("goes on from a saved state as if nothing had happened", async () => {
      const directory = await mkdtemp(join(tmpdir(), "earl-engine-"));
      const [first, second] = [await subject.open(), await subject.open()];
      await first.step(asTraining(completions), SFT_LOSS, 1e-3);
      await first.save(directory);
      const straight = await first.step(asTraining(completions), SFT_LOSS, 1e-3);
      await second.load(directory);
      const resumed = await second.step(asTraining(completions), SFT_LOSS, 1e-3);
      expect({ ...resumed, flops: 0 }).toEqual({ ...straight, flops: 0 });
      const scored = await Promise.all(
        [first, second].map((each) => each.logprobs(groupsOf(completions), "policy", 1)),
      );
      expect(scored[1]).toEqual(scored[0]);
      await Promise.all([first.close(), second.close()]);
    });

    test("counts the operations it ran", async () => {
      const before = await engine.flops();
      await engine.logprobs(groupsOf(completions), "policy", 1);
      expect(await engine.flops()).toBeGreaterThan(before);
    });
  });
}
