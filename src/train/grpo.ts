/**
 * GRPO: the policy writes a group of pictures for each prompt, a judge scores them, and the better ones of each group
 * become likelier. The loop below is the whole algorithm; what the named losses mean is in algorithms/named-losses.ts,
 * the derivation in docs/loss.md.
 */

import { groupAdvantages } from "../algorithms/advantages.ts";
import { learningRateAt } from "../algorithms/schedule.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import { rewardsOf } from "../rollout/scored-group.ts";
import { checkRollout, grpoStage, logGroups, stepReport, update, type GrpoParts } from "./grpo-stage.ts";
import { policyBatch, withReference } from "./policy-batch.ts";
import { sampleGroups } from "./sample-groups.ts";
import { beginStage, checkUp, finishStage, isOver, type StageResult, type StageRun } from "./stage.ts";
import { endStep, StepWatch } from "./step-record.ts";

/**
 * Trains until the steps are made, the validation reward is on a plateau, or the run is interrupted. Throws JudgeError,
 * after saving, where too many verdicts of a rollout failed; EngineError where sampler and trainer disagree.
 */
export async function grpo(parts: GrpoParts, settings: GrpoSettings, run: StageRun): Promise<StageResult> {
  const { engine } = parts;
  const stage = grpoStage(parts, settings, run);

  let state = await beginStage(stage);
  while (!isOver(stage, state)) {
    const watch = new StepWatch(run.clock);
    const sampled = await sampleGroups(stage.source, state.step);
    watch.lap("time/rollout");
    const checked = await checkRollout(stage, state, sampled);

    const advantages = groupAdvantages(rewardsOf(sampled.groups), settings.advantageScale);
    const batch = policyBatch(sampled.groups, advantages, stage.plan);
    const referenced = await withReference(engine, batch, stage.plan.loss);
    const learningRate = learningRateAt(settings, state.step);
    const updates = await update(stage, referenced.batch, learningRate);
    watch.lap("time/update");

    const more = { ...checked.metrics, learning_rate: learningRate };
    const flops = sampled.flops + checked.flops + referenced.flops;
    state = endStep(stage, state, watch, stepReport(stage, sampled, updates, { flops, metrics: more }));
    logGroups(stage, state, sampled.groups, advantages);
    state = await checkUp(stage, state);
  }
  return finishStage(stage, state);
}
