/** Judging while writing, on the engine that runs by default and with its default settings. */

import { expect, test } from "vitest";

import { paintExamples, smallEdits, smallWorld } from "../../test/small/small-edits.ts";
import { EngineSettings, openEngineHost } from "../engine/open-engine-host.ts";
import { OptimizerSettings } from "../engine/optimizer-settings.ts";
import { freshPolicyConfig } from "../policy/config.ts";
import { initialParameters } from "../policy/parameters.ts";
import { PolicySettings } from "../policy/policy-settings.ts";
import { referenceReward } from "../rewards/reference.ts";
import { systemClock } from "../runs/clock.ts";
import { GrpoSettings } from "../train/grpo-settings.ts";
import { rollout } from "./rollout.ts";

const world = smallWorld();

/** Tokens that were written when the judge was first asked, and when the rollout was over. */
async function tokensBeforeJudging(asksServer: boolean): Promise<{ asked: number; all: number }> {
  await using host = await openEngineHost(EngineSettings.parse({}));
  const config = freshPolicyConfig(
    // Large enough for a half to take longer to write than a group to decode, on a busy machine too.
    PolicySettings.parse({ hiddenSize: 128, layers: 4, intermediateSize: 512 }),
    world.tokens.vocabulary,
    128,
  );
  await using engine = await host.openEngine({
    name: "small",
    config,
    grammar: world.grammar,
    weights: {
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd: 0.1, weightStd: 0.1, seed: 1 }),
    },
    trained: "none",
    optimizer: OptimizerSettings.parse({}),
  });
  const { prompts, groupSize, maxTokens } = GrpoSettings.parse({});
  const examples = smallEdits(world, paintExamples());
  const edits = await examples.take(Array.from({ length: prompts }, (_, index) => index % examples.count));
  let all = 0;
  let asked: number | undefined;
  const reward = {
    ...referenceReward,
    asksServer,
    score: (...given: Parameters<typeof referenceReward.score>) => {
      asked ??= all;
      return referenceReward.score(...given);
    },
  };
  const groups = await rollout(
    { ...world, engine, reward },
    {
      edits,
      sampling: { groupSize, temperature: 1, topK: 0, topP: 1, maxTokens },
      seed: 1,
      watch: { clock: systemClock, onProgress: ({ tokens }) => (all = tokens) },
    },
  );
  expect(groups).toHaveLength(prompts);
  return { asked: asked ?? -1, all };
}

test("a judge on a server is asked about the first half while the second is written", async () => {
  const { asked, all } = await tokensBeforeJudging(true);
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThanOrEqual(all / 2);
});

test("a reward that waits for nobody is asked when all is written, in one go", async () => {
  const { asked, all } = await tokensBeforeJudging(false);
  expect(asked).toBe(all);
});
