/** What every PolicyEngine must do, as a suite that each implementation runs. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";

import { SFT_LOSS, type LossSpec } from "../algorithms/losses.ts";
import { EngineError } from "../errors.ts";
import { constraintsOf } from "../tokens/constraints.ts";
import { collect, collectUntilEnd, countFree, idsOf, sumOf, type Written } from "./collected.contract.ts";
import { WORLDS, type EngineWorld } from "./engine-worlds.contract.ts";
import type {
  CompletionGroup,
  GenerationRequest,
  PolicyEngine,
  Sampling,
  TrainingGroup,
} from "./policy-engine.ts";
import { ShownCompletions } from "./shown-completions.contract.ts";

/** What an implementation may be unable to do, if it says why. */
export type ContractCase =
  | "groups"
  | "as-they-end"
  | "seeds"
  | "agreement"
  | "greedy"
  | "cut-off"
  | "early-break"
  | "concurrent"
  | "abort"
  | "learning"
  | "reference"
  | "no-reference"
  | "kl"
  | "garbage"
  | "save-and-load"
  | "flops";

export interface ContractSubject {
  /** An engine for a world, with seeded weights; with a reference, they are its reference policy too. */
  open(world: EngineWorld, options: { readonly hasReference: boolean }): Promise<PolicyEngine>;
  /** Of a step that changes the policy visibly and does no harm. */
  readonly learningRate: number;
  /** Cases that it leaves out, each with the reason, which is printed. */
  readonly skips?: Readonly<Partial<Record<ContractCase, string>>>;
}

const SAMPLING = { groupSize: 3, temperature: 1, topK: 0, topP: 1 } as const;

export function engineContract(name: string, subject: ContractSubject): void {
  describe.each(WORLDS)(`${name} as a PolicyEngine, over $name,`, (world) => {
    const { prompts, grammar } = world;
    let engine: PolicyEngine;
    let written: Written;

    const requestOf = (sampling: Partial<Sampling>, seed: number): GenerationRequest => ({
      prompts,
      sampling: { ...SAMPLING, maxTokens: world.maxTokens, ...sampling },
      seed,
    });
    const write = (sampling: Partial<Sampling>, seed: number): Promise<Written> =>
      collect(engine.generate(requestOf(sampling, seed)));
    const openOwn = (hasReference = true): Promise<PolicyEngine> => subject.open(world, { hasReference });
    beforeAll(async () => {
      engine = await openOwn();
      written = await write({}, 11);
    });
    afterAll(async () => engine[Symbol.asyncDispose]());

    /** Skips a test, saying why, where the implementation leaves its case out. */
    const unlessLeftOut = (key: ContractCase, skip: TestContext["skip"]): void => {
      const reason = subject.skips?.[key];
      skip(reason !== undefined, reason);
    };

    const groupsOf = (completions: Written): CompletionGroup[] =>
      prompts.map((prompt, index) => ({ prompt, completions: completions[index]! }));
    /** Advantages −1, 0, 1 within each group; the weights are a mean over the free ids of all. */
    const training = (change: (advantage: number) => number = (same) => same): TrainingGroup[] => {
      const free = written.flat().reduce((sum, { constraints }) => sum + countFree(constraints), 0);
      return groupsOf(written).map(({ prompt, completions }) => ({
        prompt,
        completions: completions.map(({ ids, constraints }, index) => ({
          ids,
          constraints,
          advantage: change(index - 1),
          weights: Float32Array.from(constraints, (segment) => (segment < 0 ? 0 : 1 / free)),
        })),
      }));
    };
    const scored = async (of: PolicyEngine, under: "policy" | "reference" = "policy"): Promise<number[]> => {
      const { logprobs } = await of.logprobs(groupsOf(written), under, 1);
      return logprobs.flat().flatMap((row) => [...row]);
    };

    test("writes a whole group for every prompt, as the grammar wants it", async ({ skip }) => {
      unlessLeftOut("groups", skip);
      expect(written).toHaveLength(prompts.length);
      for (const [number, group] of written.entries()) {
        expect(group).toHaveLength(SAMPLING.groupSize);
        for (const { ids, logprobs, constraints, isFinished } of group) {
          expect(isFinished).toBe(true);
          expect(constraints).toEqual(constraintsOf(grammar, prompts[number]!, ids));
          expect(logprobs).toHaveLength(ids.length);
          // Certain where the id was forced, and nowhere else.
          expect(Array.from(logprobs, (value) => value < 0)).toEqual(
            Array.from(constraints, (segment) => segment >= 0),
          );
          expect(Math.max(...logprobs)).toBeLessThanOrEqual(0);
        }
      }
    });

    test("hands a group over when it ends, before longer ones end", async ({ skip }) => {
      unlessLeftOut("as-they-end", skip);
      let [tokens, first] = [0, 0];
      const shown = new ShownCompletions();
      const onTokens = (count: number): number => (tokens = count);
      const request = { ...requestOf({}, 11), onTokens, onWritten: shown.onWritten };
      for await (const { completions } of engine.generate(request)) {
        expect(completions).toHaveLength(SAMPLING.groupSize);
        first ||= tokens;
      }
      const all = written.flat().reduce((sum, { ids }) => sum + ids.length, 0);
      expect(tokens).toBe(all);
      expect(shown.groups(written)).toEqual(written.map((group) => group.map(({ ids }) => [...ids])));
      const lengths = new Set(written.flat().map(({ ids }) => ids.length));
      expect(first < all || lengths.size === 1).toBe(true);
    });

    test("writes the same for the same seed and something else for another", async ({ skip }) => {
      unlessLeftOut("seeds", skip);
      expect(await write({}, 11)).toEqual(written);
      expect(idsOf(await write({}, 12))).not.toEqual(idsOf(written));
    });

    test("draws with the log-probabilities that the trainer computes", async ({ skip }) => {
      unlessLeftOut("agreement", skip);
      for (const temperature of [1, 1.7]) {
        const completions = await write({ temperature }, 3);
        const { logprobs } = await engine.logprobs(groupsOf(completions), "policy", temperature);
        const differences = completions.flatMap((group, number) =>
          group.flatMap((one, index) =>
            Array.from(one.logprobs, (value, at) => Math.abs(value - logprobs[number]![index]![at]!)),
          ),
        );
        expect(Math.max(...differences)).toBeLessThanOrEqual(engine.agreement.largest);
        expect(sumOf(differences) / differences.length).toBeLessThanOrEqual(engine.agreement.mean);
      }
    });

    test("takes the likeliest id at temperature 0 and with top-k 1 and a tiny top-p", async ({ skip }) => {
      unlessLeftOut("greedy", skip);
      const greedy = idsOf(await write({ temperature: 0 }, 1));
      expect(idsOf(await write({ topK: 1 }, 2))).toEqual(greedy);
      expect(idsOf(await write({ topP: 1e-6 }, 3))).toEqual(greedy);
    });

    test("cuts off at maxTokens and says so", async ({ skip }) => {
      unlessLeftOut("cut-off", skip);
      for (const [number, group] of (await write({ maxTokens: 2 }, 11)).entries()) {
        for (const { ids, logprobs, constraints, isFinished } of group) {
          expect(isFinished).toBe(false);
          expect([ids.length, logprobs.length]).toEqual([2, 2]);
          expect(constraints).toEqual(constraintsOf(grammar, prompts[number]!, ids));
        }
      }
    });

    test("goes on after a generation that was left in the middle", async ({ skip }) => {
      unlessLeftOut("early-break", skip);
      for await (const group of engine.generate(requestOf({}, 11))) {
        expect(group.completions).toHaveLength(SAMPLING.groupSize);
        break;
      }
      expect(await write({}, 11)).toEqual(written);
    });

    test("does not mix what is asked of it at the same time", async ({ skip }) => {
      unlessLeftOut("concurrent", skip);
      const alone = [await write({}, 12), await write({ groupSize: 2, temperature: 0.7 }, 13)];
      const logprobs = await scored(engine);
      const [first, second, third, meanwhile] = await Promise.all([
        write({}, 11),
        write({}, 12),
        write({ groupSize: 2, temperature: 0.7 }, 13),
        scored(engine),
      ]);
      expect([first, second, third]).toEqual([written, ...alone]);
      expect(meanwhile).toEqual(logprobs);
    });

    test("ends with the signal's reason, before and while it writes, and can go on", async ({ skip }) => {
      unlessLeftOut("abort", skip);
      const reason = new Error("Ctrl-C");
      const aborted = { ...requestOf({}, 11), signal: AbortSignal.abort(reason) };
      await expect(collect(engine.generate(aborted))).rejects.toBe(reason);

      const controller = new AbortController();
      let heard = 0;
      const onTokens = (): void => {
        heard += 1;
        controller.abort(reason);
      };
      const sampling = { groupSize: 40 };
      const request = { ...requestOf(sampling, 11), signal: controller.signal, onTokens };
      const attempt = collectUntilEnd(engine.generate(request));
      // One that is so quick that a single run ends it has nothing left to stop.
      const { groups, error } = await attempt;
      expect(error === reason || groups === prompts.length).toBe(true);
      expect(heard).toBe(1);
      expect(await write({}, 11)).toEqual(written);
    });

    test("makes completions with a positive advantage likelier, the others less", async ({ skip }) => {
      unlessLeftOut("learning", skip);
      await using own = await openOwn();
      const totals = async (): Promise<number[][]> =>
        (await own.logprobs(groupsOf(written), "policy", 1)).logprobs.map((group) => group.map(sumOf));
      const before = await totals();
      for (let step = 0; step < 5; step += 1) await own.step(training(), SFT_LOSS, subject.learningRate);
      for (const [index, [bad, , good]] of (await totals()).entries()) {
        expect(good).toBeGreaterThan(before[index]![2]!);
        expect(bad).toBeLessThan(before[index]![0]!);
      }
    });

    test("keeps the reference policy it was opened with, whatever it learns", async ({ skip }) => {
      unlessLeftOut("reference", skip);
      await using own = await openOwn();
      const start = await scored(own);
      expect(await scored(own, "reference")).toEqual(start);
      await own.step(training(), SFT_LOSS, subject.learningRate);
      expect(await scored(own)).not.toEqual(start);
      expect(await scored(own, "reference")).toEqual(start);
      await inFolder(async (folder) => {
        await own.save(folder);
        await using other = await openOwn();
        await other.load(folder);
        expect(await scored(other)).toEqual(await scored(own));
        expect(await scored(other, "reference")).toEqual(start);
      });
    });

    test("refuses to score under a reference policy that it was not given", async ({ skip }) => {
      unlessLeftOut("no-reference", skip);
      await using own = await openOwn(false);
      await expect(scored(own, "reference")).rejects.toThrow(EngineError);
      expect(await scored(own)).toEqual(await scored(engine));
    });

    test("is held near the reference policy by a KL term", async ({ skip }) => {
      unlessLeftOut("kl", skip);
      const after = async (coef: number): Promise<{ kl: number; loss: number }> => {
        await using own = await openOwn();
        const { logprobs } = await own.logprobs(groupsOf(written), "reference", 1);
        const batch = training().map(({ prompt, completions }, group) => ({
          prompt,
          completions: completions.map((one, index) => ({ ...one, refLogprobs: logprobs[group]![index]! })),
        }));
        const loss: LossSpec = { ...SFT_LOSS, kl: { estimator: "k3", coef } };
        const first = await own.step(batch, loss, subject.learningRate);
        // Before the first step both policies are one.
        expect(Math.abs(first.kl)).toBeLessThan(1e-6);
        for (let step = 0; step < 7; step += 1) await own.step(batch, loss, subject.learningRate);
        return own.step(batch, loss, subject.learningRate);
      };
      const [free, held] = [await after(1e-9), await after(3)];
      expect(free.kl).toBeGreaterThan(0);
      expect(held.kl).toBeLessThan(free.kl);
      expect(held.loss).toBeGreaterThan(free.loss);
    });

    test("makes no step whose loss or weights are not finite, and is as before it", async ({ skip }) => {
      unlessLeftOut("garbage", skip);
      await using own = await openOwn();
      await using untouched = await openOwn();
      for (const one of [own, untouched]) await one.step(training(), SFT_LOSS, subject.learningRate);
      const before = await scored(own);
      const attempts = [
        own.step(
          training(() => Number.NaN),
          SFT_LOSS,
          subject.learningRate,
        ),
        own.step(
          training(() => Infinity),
          SFT_LOSS,
          subject.learningRate,
        ),
        own.step(training(), SFT_LOSS, Infinity),
      ];
      for (const attempt of attempts) await expect(attempt).rejects.toThrow(EngineError);
      expect(await scored(own)).toEqual(before);
      const step = (of: PolicyEngine): Promise<unknown> =>
        of.step(training(), SFT_LOSS, subject.learningRate);
      expect(await step(own)).toEqual(await step(untouched));
      expect(await scored(own)).toEqual(await scored(untouched));
      await expect(own.step([], SFT_LOSS, subject.learningRate)).rejects.toThrow(EngineError);
    });

    test("goes on from a saved state as if nothing had happened", async ({ skip }) => {
      unlessLeftOut("save-and-load", skip);
      await using first = await openOwn();
      await using second = await openOwn();
      await first.step(training(), SFT_LOSS, subject.learningRate);
      await inFolder(async (folder) => {
        await first.save(folder);
        const straight = await first.step(training(), SFT_LOSS, subject.learningRate);
        await second.load(folder);
        expect(await second.step(training(), SFT_LOSS, subject.learningRate)).toEqual(straight);
      });
      expect(await scored(second)).toEqual(await scored(first));
    });

    test("counts the operations that each result took", async ({ skip }) => {
      unlessLeftOut("flops", skip);
      const flops: number[] = [];
      for await (const group of engine.generate(requestOf({}, 11))) flops.push(group.flops);
      expect(sumOf(flops)).toBeGreaterThan(0);
      expect((await engine.logprobs(groupsOf(written), "policy", 1)).flops).toBeGreaterThan(0);
      expect((await engine.step(training(), SFT_LOSS, 0)).flops).toBeGreaterThan(0);
    });
  });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "earl-engine-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
