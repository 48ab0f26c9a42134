/** The torch engine on two ranks against what transformers and torch recorded, and in bfloat16 against itself. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { SFT_LOSS } from "../../algorithms/losses.ts";
import { SafetensorsFile } from "../../policy/safetensors.ts";
import { plainGrammar } from "../../tokens/plain-grammar.ts";
import {
  afterPrompt,
  groupsOf,
  openPolicyRecording,
  type PolicyRecording,
} from "../../verify/policy-recording.ts";
import { unpack, type Unpacked } from "../../verify/unpacked.ts";
import { lossesOf } from "../../verify/policy-training.ts";
import { collect } from "../collected.contract.ts";
import { WORLDS } from "../engine-worlds.contract.ts";
import type { TrainingGroup } from "../policy-engine.ts";
import { Cluster } from "./cluster.ts";
import { pythonForTests, smallOptions, TEST_SETTINGS } from "./small-torch.contract.ts";
import { openTorchEngine, type TorchEngineOptions } from "./torch-engine.ts";

const FIXTURE = join(import.meta.dirname, "../../../test/fixtures/emu3-lm");
const python = pythonForTests() ?? "";

describe.skipIf(python === "")("the torch engine on two ranks", () => {
  let unpacked: Unpacked;
  let recording: PolicyRecording;
  let cluster: Cluster;
  let folder: string;
  beforeAll(async () => {
    unpacked = await unpack(FIXTURE);
    recording = await openPolicyRecording(unpacked.directory);
    cluster = await Cluster.start({ ...TEST_SETTINGS, python, workers: 2 });
    folder = await mkdtemp(join(tmpdir(), "earl-torch-"));
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await recording?.expected.close();
    await unpacked?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const optionsOf = (changes: Partial<PolicyRecording["optimizer"]>): TorchEngineOptions => ({
    ...smallOptions({
      grammar: plainGrammar(recording.config.vocabularySize, { length: 1 }),
      vocabularySize: recording.config.vocabularySize,
    }),
    config: recording.config,
    weights: { kind: "files", directory: FIXTURE },
    optimizer: { ...recording.optimizer, ...changes },
    microbatchGroups: 1,
  });
  const batch = (name: string): TrainingGroup[] =>
    groupsOf(recording, afterPrompt(recording)).map((group) => ({
      ...group,
      completions: group.completions.map((one) => (name === "sft" ? { ...one, advantage: 1 } : one)),
    })) as TrainingGroup[];

  /** Of each tensor: the largest difference beside its largest value. */
  async function expectTensors(
    file: string,
    { saved, recorded, limit }: { readonly saved: string; readonly recorded: string; readonly limit: number },
  ): Promise<void> {
    const tensors = await SafetensorsFile.open(file);
    const names = recording.expected.namesAfter(recorded);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const [got, want] = [
        await tensors.read(saved + name),
        await recording.expected.numbers(recorded + name),
      ];
      const largest = Math.max(...Array.from(want, Math.abs));
      const apart = Math.max(...Array.from(want, (value, at) => Math.abs(value - got[at]!)));
      expect(apart / largest, name).toBeLessThan(limit);
    }
    await tensors.close();
  }

  test.each(["sft", "grpo", "clipped"] as const)(
    "has the recorded gradients of %s, summed over ranks",
    async (name) => {
      // With β₁ = 0 and nothing clipped, AdamW's first moment is the gradient.
      await using engine = await openTorchEngine(cluster, optionsOf({ beta1: 0, maxGradNorm: 1e9 }));
      const { loss } = await engine.step(batch(name), lossesOf(recording)[name], 1e-6);
      const [want] = await recording.expected.numbers(`${name}.loss`);
      expect(Math.abs(loss - want!)).toBeLessThan(1e-5);
      const directory = join(folder, name);
      await engine.save(directory);
      const file = join(directory, "optimizer.safetensors");
      await expectTensors(file, { saved: "m:", recorded: `${name}.grad.`, limit: 1e-5 });
    },
  );

  test("makes the recorded steps: losses, gradient norms, parameters", async () => {
    await using engine = await openTorchEngine(cluster, optionsOf({}));
    const { steps, lr } = recording.constants.adamw;
    const [losses, norms] = [
      await recording.expected.numbers("adamw.loss"),
      await recording.expected.numbers("adamw.grad_norm"),
    ];
    for (let step = 0; step < steps; step += 1) {
      const { loss, gradNorm } = await engine.step(batch("sft"), SFT_LOSS, lr);
      expect(Math.abs(loss - losses[step]!)).toBeLessThan(1e-5);
      expect(Math.abs(gradNorm / norms[step]! - 1)).toBeLessThan(1e-5);
    }
    const directory = join(folder, "steps");
    await engine.save(directory);
    const file = join(directory, "model.safetensors");
    await expectTensors(file, { saved: "", recorded: "adamw.param.", limit: 1e-5 });
  });

  test("differs in bfloat16 by no more than it declares, before a step and after", async () => {
    const world = WORLDS[0]!;
    await using engine = await openTorchEngine(cluster, { ...smallOptions(world), precision: "bfloat16" });
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
});
