/** GRPO on a policy that is a table: the loop as it is, in milliseconds a step. */

import { GrpoSettings } from "../../src/train/grpo-settings.ts";
import { grpo, type GrpoWorld } from "../../src/train/grpo.ts";
import type { StageResult } from "../../src/train/stage.ts";
import { referenceReward } from "../../src/rewards/reference.ts";
import type { Reward } from "../../src/rewards/reward.ts";
import { readEvents } from "../../src/runs/event-log.ts";
import type { Metrics } from "../../src/runs/metrics.ts";
import type { RunDirectory } from "../../src/runs/run-directory.ts";
import { paintExamples, smallEdits, smallWorld } from "./small-edits.ts";
import { type RunUnderTest, stillClock } from "./small-run.ts";
import { TabularPolicy } from "./tabular-policy.ts";

export const world = smallWorld();

export function settingsOf(own: object = {}): GrpoSettings {
  return GrpoSettings.parse({
    steps: 40,
    prompts: 6,
    groupSize: 8,
    maxTokens: 40,
    learningRate: 60,
    warmupSteps: 2,
    evaluateEvery: 20,
    saveEvery: 15,
    validationSize: 12,
    maxPauseMinutes: 0,
    ...own,
  });
}

export function partsOf(own: Partial<GrpoWorld> = {}): GrpoWorld {
  const edits = smallEdits(world, paintExamples());
  const engine = new TabularPolicy(world.grammar, { keepsReference: true });
  return { ...world, engine, reward: referenceReward, train: edits, validation: edits, ...own };
}

export function train(
  open: RunUnderTest,
  parts = partsOf(),
  settings = settingsOf(),
  signal?: AbortSignal,
): Promise<StageResult> {
  const { recorder, resumePoint } = open;
  return grpo(parts, settings, {
    recorder,
    clock: stillClock,
    seed: 5,
    ...(signal === undefined ? {} : { signal }),
    ...(resumePoint === undefined ? {} : { resume: resumePoint }),
  });
}

export function stepMetricsOf(directory: RunDirectory): Metrics[] {
  return readEvents(directory.events).flatMap((event) => (event.kind === "step-end" ? [event.metrics] : []));
}

export function evaluatedRewards(directory: RunDirectory): number[] {
  return readEvents(directory.events).flatMap((event) =>
    event.kind === "evaluation-end" ? [event.metrics["eval/reward"]!] : [],
  );
}

/** The reward `reference`, with some verdicts replaced by failures. */
export function failing(fails: (edit: number) => boolean): Reward {
  let seen = 0;
  return {
    ...referenceReward,
    score: async (edits, options) =>
      (await referenceReward.score(edits, options)).map((verdict) => {
        seen += 1;
        return fails(seen) ? { kind: "unreachable", reason: "connection refused" } : verdict;
      }),
  };
}
