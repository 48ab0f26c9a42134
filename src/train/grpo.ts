/**
 * GRPO (Shao et al. 2024): the policy writes a group of pictures for each prompt, a judge scores them, and what is better
 * than the rest of its group becomes likelier. The loop below is the whole algorithm. It minimises
 *
 *   L = Σ w · [ cost(ρ, A) + β · KL ],   ρ = π(token) / π_rollout(token),   A = (reward − group's mean) / scale
 *
 * over the tokens that the policy could choose. With one update a rollout ρ is 1 and the cost −A · log π; with more, or
 * where rollouts are written a step ahead, it is clipped. The named losses differ in cost and weights alone: algorithms/named-losses.ts; derived in docs/loss.md.
 */

import { groupAdvantages } from "../algorithms/advantages.ts";
import type { PolicyEngine, StepMetrics } from "../engine/policy-engine.ts";
import type { PreparedEdits } from "../edits/prepared-edit.ts";
import type { Reward } from "../rewards/reward.ts";
import { rewardsOf } from "../rollout/scored-group.ts";
import type { Tokens } from "../tokens/sequence.ts";
import type { VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import type { TrainingEdits } from "./phases.ts";
import { rolloutReport, showGroups, updateReport } from "./grpo-report.ts";
import { samplerAgreement } from "./sampler-agreement.ts";
import { groupSource, sampleGroups } from "./sample-groups.ts";
import { Stage, type StageResult, type StageRun } from "./stage.ts";
import { lossPlan, trainingGroups, withReference } from "./training-groups.ts";
import { watchHacking } from "./watch-hacking.ts";
import { type EditSlice, validationReward } from "./validation-reward.ts";

/** What GRPO works with. */
export interface GrpoWorld {
  /** Holds the start's weights, also when the stage is resumed; opened with a reference policy where the loss has a KL term. */
  readonly engine: PolicyEngine;
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  readonly reward: Reward;
  /** Edits that prompts are taken from. */
  readonly train: TrainingEdits;
  /** Edits that the best checkpoint is chosen on. */
  readonly validation: PreparedEdits;
  /** A slice of a benchmark, which decides in their place. */
  readonly slice?: EditSlice;
}

/**
 * Trains until the steps are made, the reward on held-out edits is on a plateau, or the run is interrupted. Whatever it throws,
 * the last complete step is saved before: JudgeError where too many verdicts failed, EngineError where sampler and trainer
 * disagree or an update would not be finite.
 */
export async function grpo(world: GrpoWorld, settings: GrpoSettings, run: StageRun): Promise<StageResult> {
  const stage = new Stage(
    {
      name: "grpo",
      engine: world.engine,
      schedule: settings,
      evaluateEvery: settings.evaluateEvery,
      saveEvery: settings.saveEvery,
      showEvery: settings.showGroupsEvery ?? settings.evaluateEvery,
      shownGroups: settings.shownGroups,
      stopping: {
        patience: settings.patience,
        minImprovement: settings.minImprovement,
        better: "higher",
        score: world.slice === undefined ? "validation reward" : `reward on ${world.slice.name}`,
      },
      maxPauseMinutes: settings.maxPauseMinutes,
      evaluate: (signal) => validationReward(world, settings, { seed: run.seed, signal }),
    },
    run,
  );
  const { engine } = stage;
  await using source = groupSource({ ...world, engine }, settings, run.seed);
  stage.keep(source.rollouts);
  const plan = lossPlan(settings);

  for await (const step of stage.steps()) {
    // Each prompt gets a group of completions, and each picture a verdict.
    const sampled = await step.timed("time/rollout", () => sampleGroups(source, step));
    const monitored = await watchHacking(stage, step, sampled.drawn, { ...settings, ...world });
    const agreement = step.isChecked
      ? await samplerAgreement(engine, sampled.justWritten, settings.temperature)
      : {};

    // A completion is as good as it is better than its own group.
    const advantages = groupAdvantages(rewardsOf(sampled.groups), settings.advantageScale);
    const batch = await withReference(engine, trainingGroups(sampled.groups, advantages, plan), plan.loss);

    // μ optimizer steps on the loss; none where no group has anything to teach.
    const updates: StepMetrics[] = [];
    await step.timed("time/update", async () => {
      while (batch.length > 0 && updates.length < settings.updatesPerRollout) {
        updates.push(await engine.step(batch, plan.loss, step.learningRate));
      }
    });

    if (step.isDue(settings.showGroupsEvery ?? settings.evaluateEvery)) {
      showGroups(stage, step, sampled.groups.slice(0, settings.shownGroups), advantages);
    }
    const { tokens, metrics } = updateReport(updates);
    step.report(tokens, {
      ...rolloutReport(sampled, world.reward, settings),
      ...monitored,
      ...agreement,
      ...metrics,
    });
  }
  return stage.result();
}
