/** The torch engine beside the onnx engine: the same completions, the same learning, and each other's checkpoints. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { partsOf, settingsOf, stepMetricsOf, train, world as edits } from "../../../test/small/small-grpo.ts";
import { dyingRecorder, openSmallRun, smallRunDirectory } from "../../../test/small/small-run.ts";
import { SFT_LOSS, type LossSpec } from "../../algorithms/losses.ts";
import { Rng } from "../../random.ts";
import { comparableEvents } from "../../runs/event-log.ts";
import type { RunDirectory } from "../../runs/run-directory.ts";
import { collect, type Written } from "../collected.contract.ts";
import { WORLDS, type EngineWorld } from "../engine-worlds.contract.ts";
import { OptimizerSettings } from "../optimizer-settings.ts";
import { openOnnxEngine } from "../onnx/onnx-engine.ts";
import type { PolicyEngine, Sampling, StepMetrics, TrainingGroup } from "../policy-engine.ts";
import { Cluster } from "./cluster.ts";
import { pythonForTests, SMALL_LORA, smallOptions, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchEngine, type TorchEngineOptions } from "./torch-engine.ts";

const python = pythonForTests();
const SAMPLING: Sampling = { groupSize: 4, temperature: 1.2, topK: 0, topP: 1, maxTokens: 64 };
const KINDS = {
  sft: SFT_LOSS,
  clipped: {
    surrogate: { kind: "clipped", clipLow: 0.2, clipHigh: 0.28 },
    kl: { estimator: "k3", coef: 0.1 },
    temperature: 1.2,
  },
  gspo: {
    surrogate: { kind: "sequence-clipped", clipLow: 0.02, clipHigh: 0.03 },
    kl: { estimator: "k2", coef: 0.1 },
    temperature: 1,
  },
  cispo: {
    surrogate: { kind: "capped-weight", clipHigh: 1 },
    kl: { estimator: "k1", coef: 0.1 },
    temperature: 1,
  },
} satisfies Record<string, LossSpec>;

const { optimizer: ADAMW } = smallOptions(WORLDS[0]!);
const MUON = OptimizerSettings.parse({ kind: "muon", weightDecay: 0.1 });
const CASES = [
  { name: "all weights", trained: "all" as const, optimizer: ADAMW },
  { name: "an adapter", trained: SMALL_LORA, optimizer: ADAMW },
  { name: "all weights with Muon", trained: "all" as const, optimizer: MUON },
  { name: "an adapter with Muon", trained: SMALL_LORA, optimizer: MUON },
];

const onnxOf = (world: EngineWorld, changes: Partial<TorchEngineOptions> = {}): Promise<PolicyEngine> =>
  openOnnxEngine({
    ...smallOptions(world),
    reference: "start",
    ...changes,
    threads: 1,
    microbatchTokens: 10_000,
    generationRows: 64,
  });

/** What every token's term could be: advantages, old and reference log-probabilities near those it was drawn with. */
function trainingOf(world: EngineWorld, written: Written): TrainingGroup[] {
  const rng = Rng.from(3, "terms");
  const near = (values: Float32Array): Float32Array => values.map((value) => value + 0.1 * rng.normal());
  return written.map((completions, number) => ({
    prompt: world.prompts[number]!,
    completions: completions.map(({ ids, constraints, logprobs }) => ({
      ids,
      constraints,
      advantage: rng.normal(),
      weights: Float32Array.from(constraints, (segment) => (segment < 0 ? 0 : 1 / 84)),
      oldLogprobs: near(logprobs),
      refLogprobs: near(logprobs),
    })),
  }));
}

/** What the steps of a run came out as, in order; operations are those of each engine's own kernels. */
function learnedIn(directory: RunDirectory): number[] {
  return stepMetricsOf(directory).flatMap((metrics) =>
    Object.entries(metrics).flatMap(([name, value]) => (name.includes("flops") ? [] : value)),
  );
}

/** What a run did, and what it saved: a save goes on beside the loop, so the clock says where among the others it is told. */
function eventsAndSaves({ events }: RunDirectory): [done: unknown[], saves: unknown[]] {
  const all = comparableEvents(events);
  const isSave = ({ kind }: { readonly kind?: unknown }): boolean => kind === "checkpoint-saved";
  return [all.filter((event) => !isSave(event)), all.filter(isSave)];
}

async function difference(
  [left, right]: readonly [PolicyEngine, PolicyEngine],
  groups: readonly TrainingGroup[],
): Promise<number> {
  const [one, other] = await Promise.all([left, right].map((each) => each.logprobs(groups, "policy", 1)));
  const flat = other!.logprobs.flat();
  return Math.max(
    ...one!.logprobs
      .flat()
      .flatMap((values, row) => Array.from(values, (value, at) => Math.abs(value - flat[row]![at]!))),
  );
}

/** Of what is large, in relation to it. */
const distance = (left: StepMetrics, right: StepMetrics): number =>
  Math.max(
    ...(["loss", "kl", "entropy", "clipLow", "clipHigh", "gradNorm", "tokens"] as const).map(
      (name) => Math.abs(left[name] - right[name]) / Math.max(1, Math.abs(right[name])),
    ),
  );

describe.skipIf(python === undefined)("the torch engine beside the onnx engine", () => {
  const clusters: Cluster[] = [];
  let folder = "";
  const torchOf = (
    workers: number,
    world: EngineWorld,
    changes: Partial<TorchEngineOptions> = {},
  ): Promise<PolicyEngine> =>
    openTorchEngine(clusters[workers - 1]!, { ...smallOptions(world), reference: "start", ...changes });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "earl-torch-"));
    for (const workers of [1, 2])
      clusters.push(await Cluster.start({ ...TEST_SETTINGS, workers, python: python ?? "" }));
  });
  afterAll(async () => {
    for (const cluster of clusters) await cluster[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const write = (
    engine: PolicyEngine,
    world: EngineWorld,
    changes: Partial<Sampling> = {},
  ): Promise<Written> =>
    collect(engine.generate({ prompts: world.prompts, sampling: { ...SAMPLING, ...changes }, seed: 5 }));

  describe.each(WORLDS)("over $name", (world) => {
    test.each([
      {},
      { temperature: 0 },
      { topK: 3 },
      { topP: 0.7 },
      { topK: 5, topP: 0.8, temperature: 0.9 },
      { maxTokens: 3 },
    ])("writes the same completions for a seed, on one rank and on two: %o", async (changes) => {
      await using onnx = await onnxOf(world);
      const expected = await write(onnx, world, changes);
      for (const workers of [1, 2]) {
        await using torch = await torchOf(workers, world, { generationRows: 4 });
        const found = await write(torch, world, changes);
        for (const [number, group] of found.entries()) {
          for (const [index, { ids, constraints, logprobs, isFinished }] of group.entries()) {
            const wanted = expected[number]![index]!;
            expect({ ids, constraints, isFinished }).toEqual({
              ids: wanted.ids,
              constraints: wanted.constraints,
              isFinished: wanted.isFinished,
            });
            for (const [at, value] of logprobs.entries())
              expect(Math.abs(value - wanted.logprobs[at]!)).toBeLessThan(1e-4);
          }
        }
      }
    });

    test.each(CASES)(
      "learns the same by four losses, $name, on groups that do not divide among ranks",
      async ({ trained, optimizer }) => {
        await using onnx = await onnxOf(world, { trained, optimizer });
        const groups = trainingOf(world, await write(onnx, world));
        await using one = await torchOf(1, world, { trained, optimizer });
        await using two = await torchOf(2, world, {
          trained,
          optimizer,
          microbatchGroups: 1,
          recompute: true,
        });
        for (const loss of Object.values(KINDS)) {
          const wanted = await onnx.step(groups, loss, 1e-3);
          expect(distance(await one.step(groups, loss, 1e-3), wanted)).toBeLessThan(1e-5);
          expect(distance(await two.step(groups, loss, 1e-3), wanted)).toBeLessThan(1e-5);
        }
        expect(await difference([one, onnx], groups)).toBeLessThan(1e-4);
        expect(await difference([two, onnx], groups)).toBeLessThan(1e-4);
      },
    );
  });

  test.each(CASES)(
    "goes on from the other's checkpoint, and from one of another number of ranks: $name",
    async ({ trained, optimizer }) => {
      const [world] = WORLDS as [EngineWorld];
      const engines = [
        () => onnxOf(world, { trained, optimizer }),
        () => torchOf(1, world, { trained, optimizer }),
        () => torchOf(2, world, { trained, optimizer }),
      ];
      await using first = await onnxOf(world, { trained, optimizer });
      const groups = trainingOf(world, await write(first, world));
      for (const [number, open] of engines.entries()) {
        const directory = join(folder, `${typeof trained}-${optimizer.kind}-${number}`);
        await using saved = await open();
        await saved.step(groups, SFT_LOSS, 1e-2);
        await saved.save(directory);
        const wanted = await saved.step(groups, KINDS.clipped, 1e-2);
        for (const other of engines) {
          await using engine = await other();
          await engine.load(directory);
          expect(distance(await engine.step(groups, KINDS.clipped, 1e-2), wanted)).toBeLessThan(1e-5);
          expect(await difference([engine, saved], groups)).toBeLessThan(1e-4);
        }
      }
    },
  );

  test.each([ADAMW, MUON])(
    "steps with an offloaded optimizer as with one that is not: %o",
    async (optimizer) => {
      const [world] = WORLDS as [EngineWorld];
      await using kept = await torchOf(2, world, { optimizer });
      await using offloaded = await torchOf(2, world, { optimizer, offload: "optimizer" });
      const groups = trainingOf(world, await write(kept, world));
      const directory = join(folder, `offloaded-${optimizer.kind}`);
      for (const loss of [SFT_LOSS, KINDS.clipped])
        expect(await offloaded.step(groups, loss, 1e-2)).toEqual(await kept.step(groups, loss, 1e-2));
      await offloaded.save(directory);
      await kept.load(directory);
      expect(await difference([kept, offloaded], groups)).toBe(0);
      expect(await offloaded.step(groups, SFT_LOSS, 1e-2)).toEqual(await kept.step(groups, SFT_LOSS, 1e-2));
    },
  );

  test("differs in bfloat16 by no more than it declares, before a step and after", async () => {
    const world = WORLDS[0]!;
    await using engine = await torchOf(2, world, { precision: "bfloat16" });
    expect(engine.agreement).toEqual({ mean: 0.05, largest: 2 });
    const sampling = { groupSize: 8, temperature: 1, topK: 0, topP: 1, maxTokens: 64 };
    for (let step = 0; step < 2; step += 1) {
      const written = await collect(engine.generate({ prompts: world.prompts, sampling, seed: 3 }));
      const groups = written.map((completions, number) => ({ prompt: world.prompts[number]!, completions }));
      const { logprobs } = await engine.logprobs(groups, "policy", 1);
      const apart = written.flatMap((group, number) =>
        group.flatMap((one, index) =>
          Array.from(one.logprobs, (value, at) => Math.abs(value - logprobs[number]![index]![at]!)),
        ),
      );
      const mean = apart.reduce((sum, value) => sum + value, 0) / apart.length;
      expect(mean).toBeGreaterThan(1e-5);
      expect(mean).toBeLessThan(engine.agreement.mean);
      expect(Math.max(...apart)).toBeLessThan(engine.agreement.largest);
      // A large one: weights that were not brought to the sampler would be far apart.
      const training = groups.map(({ prompt, completions }) => ({
        prompt,
        completions: completions.map((one, index) => ({
          ...one,
          advantage: index - 3.5,
          weights: new Float32Array(one.ids.length).fill(1 / 168),
        })),
      }));
      await engine.step(training, SFT_LOSS, 0.05);
    }
  });

  test.each([0, 1])(
    "makes the steps of GRPO with rollouts %i ahead, and the same where it is killed and resumed",
    async (lookAhead) => {
      const steps = { steps: 4, prompts: 3, groupSize: 3, warmupSteps: 1, learningRate: 1e-3 };
      const rests = { evaluateEvery: 4, saveEvery: 2, validationSize: 3, loss: { klCoef: 0.1 } };
      const settings = settingsOf({ lookAhead, ...steps, ...rests });
      const { grammar, tokens } = edits;
      const vocabularySize = tokens.vocabulary.imageTokenOffset + tokens.vocabulary.codebookSize;
      const world = { name: "paint", grammar, vocabularySize, prompts: [], maxTokens: 40 };
      const run = async (
        opened: Promise<PolicyEngine>,
        { directory = smallRunDirectory(), isResume = false, killAt = Infinity } = {},
      ): Promise<RunDirectory> => {
        await using engine = await opened;
        using open = openSmallRun(directory, isResume);
        const recorder = dyingRecorder(open.recorder, killAt);
        await train({ ...open, recorder }, partsOf({ engine }), settings);
        return directory;
      };
      const wanted = learnedIn(await run(onnxOf(world)));
      expect(wanted.length).toBeGreaterThan(40);
      for (const workers of [1, 2]) {
        const found = learnedIn(await run(torchOf(workers, world)));
        expect(found).toEqual(wanted.map((value) => expect.closeTo(value, 4)));
      }
      const [whole, killed] = [await run(torchOf(2, world)), smallRunDirectory()];
      const [events, saves] = eventsAndSaves(whole);
      const killAt = events.length + saves.length - 4;
      const dies = run(torchOf(2, world), { directory: killed, killAt });
      await expect(dies).rejects.toThrow("killed");
      await run(torchOf(2, world), { directory: killed, isResume: true });
      expect(eventsAndSaves(killed)).toEqual([events, saves]);
    },
  );

  test("writes the same with guidance", async () => {
    const [world] = WORLDS;
    const prompts = world!.prompts.slice(0, 2).map((prompt, index) => ({
      ...prompt,
      idsWithoutInstruction: Int32Array.of(7 + index, prompt.ids.at(-1)!),
    }));
    const guided = { ...world!, prompts };
    await using onnx = await onnxOf(guided);
    await using torch = await torchOf(2, guided);
    const [wanted, found] = [
      await write(onnx, guided, { guidance: 2.5 }),
      await write(torch, guided, { guidance: 2.5 }),
    ];
    expect(found.flat().map(({ ids }) => [...ids])).toEqual(wanted.flat().map(({ ids }) => [...ids]));
  });
});
