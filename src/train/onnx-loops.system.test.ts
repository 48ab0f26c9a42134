/** The loops on the real engine: they learn, and a killed run goes on with the same numbers. */

import { appendFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { dyingRecorder, openSmallRun, smallRunDirectory, stillClock } from "../../test/small/small-run.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { PolicySettings } from "../policy/policy-settings.ts";
import { GrpoSettings } from "./grpo-settings.ts";
import { SftSettings } from "./sft-settings.ts";
import { openOnnxEngine } from "../engine/onnx/onnx-engine.ts";
import type { PolicyEngine, PolicyWeights } from "../engine/policy-engine.ts";
import { freshPolicyConfig } from "../policy/config.ts";
import { initialParameters } from "../policy/parameters.ts";
import { referenceReward } from "../rewards/reference.ts";
import { comparableEvents, readEvents } from "../runs/event-log.ts";
import type { OpenRun } from "../runs/open-run.ts";
import type { RunDirectory } from "../runs/run-directory.ts";
import { grpo } from "./grpo.ts";
import { sft } from "./sft.ts";
import type { StageRun } from "./stage.ts";

const world = smallWorld();
const edits = smallEdits(world, paintExamples());
const policy = PolicySettings.parse({ hiddenSize: 32, layers: 2, intermediateSize: 64 });

async function openEngine(weights?: PolicyWeights): Promise<PolicyEngine> {
  const config = freshPolicyConfig(policy, world.tokens.vocabulary, 128);
  return openOnnxEngine({
    config,
    grammar: world.grammar,
    weights: weights ?? {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 0.1, weightStd: 0.1, seed: 1 }),
    },
    reference: "start",
    optimizer: OptimizerSettings.parse({}),
    recompute: false,
    threads: 1,
    microbatchTokens: 4096,
    generationRows: 64,
  });
}

const SFT = SftSettings.parse({
  steps: 24,
  batchSize: 12,
  learningRate: 1e-2,
  warmupSteps: 5,
  evaluateEvery: 12,
  saveEvery: 24,
});
const GRPO = GrpoSettings.parse({
  steps: 25,
  prompts: 6,
  maxTokens: 24,
  learningRate: 2e-3,
  evaluateEvery: 25,
  saveEvery: 25,
  validationSize: 12,
});

function parts(engine: PolicyEngine): Parameters<typeof grpo>[0] {
  return { ...world, engine, reward: referenceReward, train: edits, validation: edits };
}

function runOf({ recorder, resumePoint }: OpenRun): StageRun {
  const resume = resumePoint === undefined ? {} : { resume: resumePoint };
  return { recorder, clock: stillClock, seed: 2, ...resume };
}

describe("the loops on onnxruntime", () => {
  test("supervised steps lower the validation loss, and rewards raise the reward after them", async () => {
    const directory = smallRunDirectory();
    using open = openSmallRun(directory);
    {
      await using engine = await openEngine();
      await sft(parts(engine), SFT, runOf(open));
    }
    const weights = join(directory.checkpoints, open.recorder.best.sft!);
    await using engine = await openEngine({ kind: "files", directory: weights });
    await grpo(parts(engine), GRPO, runOf(open));
    const seen = readEvents(directory.events).flatMap((event) =>
      event.kind === "evaluation-end" ? [event.metrics] : [],
    );
    const losses = seen.flatMap((metrics) => metrics["loss/validation"] ?? []);
    const rewards = seen.flatMap((metrics) => metrics["eval/reward"] ?? []);
    expect(losses.at(-1)).toBeLessThan(0.6 * losses[0]!);
    expect(rewards.at(-1)).toBeGreaterThan(rewards[0]! + 1);
  });

  test.each(["sft", "grpo", "grpo with a look-ahead"] as const)(
    "%s killed between checkpoints and resumed gives the same events",
    async (stage) => {
      const train = async (directory: RunDirectory, isResume: boolean, killAt = Infinity): Promise<void> => {
        using open = openSmallRun(directory, isResume);
        await using engine = await openEngine();
        const run = { ...runOf(open), recorder: dyingRecorder(open.recorder, killAt) };
        if (stage === "sft")
          await sft(parts(engine), { ...SFT, steps: 9, evaluateEvery: 6, saveEvery: 4 }, run);
        else {
          const lookAhead = stage === "grpo" ? 0 : 1;
          await grpo(parts(engine), { ...GRPO, lookAhead, steps: 6, evaluateEvery: 4, saveEvery: 3 }, run);
        }
      };
      const [whole, killed] = [smallRunDirectory(), smallRunDirectory()];
      await train(whole, false);
      await expect(train(killed, false, 9)).rejects.toThrow("killed");
      appendFileSync(killed.events, '{"kind":"st');
      await train(killed, true);
      expect(comparableEvents(killed.events)).toEqual(comparableEvents(whole.events));
    },
  );
});
