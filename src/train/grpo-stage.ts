/** The stages of a GRPO step that grpo.ts names: what is chosen once before the loop, and what a step checks and reports. */

import { lossSpecOf, NAMED_LOSSES } from "../algorithms/named-losses.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import type { PolicyEngine, Sampling, StepMetrics, TrainingGroup } from "../engine/policy-engine.ts";
import { evaluatePolicy } from "../evaluate/evaluate-policy.ts";
import { validationOf } from "../evaluate/validation.ts";
import { Rng } from "../random.ts";
import { firstEdits, type PreparedEdits } from "../edits/prepared-edit.ts";
import { judgeFault } from "../rollout/judge-fault.ts";
import { rolloutMetrics } from "../rollout/rollout-metrics.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { Reward } from "../rewards/reward.ts";
import type { Tokens } from "../tokens/sequence.ts";
import type { VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import { loggedGroup } from "../rollout/logged-group.ts";
import type { LossPlan } from "./policy-batch.ts";
import { refuseAllUndecodable, samplerDifference } from "./rollout-checks.ts";
import type { GroupSource, SampledGroups } from "./sample-groups.ts";
import { shuffledBatches } from "./shuffled-batches.ts";
import { isDue, save, type Stage, type StageRun, type StageState } from "./stage.ts";
import { updateReport, type StepReport } from "./step-record.ts";

export interface GrpoParts {
  /** Holds the start's weights, also when the stage is resumed, and a reference policy where the loss has a KL term. */
  readonly engine: PolicyEngine;
  readonly vision: VisionTokenizer;
  readonly tokens: Tokens;
  readonly reward: Reward;
  readonly train: PreparedEdits;
  readonly validation: PreparedEdits;
}

export interface GrpoStage extends Stage {
  readonly settings: GrpoSettings;
  readonly reward: Reward;
  readonly plan: LossPlan;
  readonly source: GroupSource;
}

/** Groups shown in the report at every evaluation. */
const LOGGED_GROUPS = 3;

/** Everything that the settings decide, decided before the loop. */
export function grpoStage(parts: GrpoParts, settings: GrpoSettings, run: StageRun): GrpoStage {
  const { engine, reward, train } = parts;
  const { groupSize, temperature, maxTokens, updatesPerRollout } = settings;
  const sampling: Sampling = { groupSize, temperature, topK: 0, topP: 1, maxTokens };
  const evaluationSeed = Rng.from(run.seed, "grpo/evaluation").word();
  return {
    name: "grpo",
    engine,
    run,
    steps: settings.steps,
    evaluateEvery: settings.evaluateEvery,
    saveEvery: settings.saveEvery,
    stopping: { patience: settings.patience, better: "higher" },
    evaluate: async () => {
      // The same draws every time, so that two evaluations differ by the policy alone.
      const edits = await firstEdits(parts.validation, settings.validationSize);
      const groups = await evaluatePolicy(parts, edits, { temperature: 1, maxTokens, seed: evaluationSeed });
      return validationOf(groups, reward.name, settings.maxFailedVerdicts);
    },
    settings,
    reward,
    plan: {
      loss: lossSpecOf(settings.loss, { updatesPerRollout, temperature }),
      aggregation: NAMED_LOSSES[settings.loss.kind].aggregation,
      maxTokens,
    },
    source: {
      parts,
      train,
      batchOf: shuffledBatches(train.count, settings.prompts, { seed: run.seed, purpose: "grpo/epoch" }),
      sampling,
      resample: settings.resampleZeroVariance,
      seed: run.seed,
    },
  };
}

/** Figures, and the operations that finding them out took. */
type Counted = Pick<StepReport, "flops" | "metrics">;

/**
 * Refuses a rollout that must not be trained on: saves and throws JudgeError where too many verdicts failed, throws
 * where nothing could be decoded. At the first step and before every checkpoint, sampler and trainer are compared.
 */
export async function checkRollout(
  stage: GrpoStage,
  state: StageState,
  sampled: SampledGroups,
): Promise<Counted> {
  refuseAllUndecodable(sampled.groups);
  const fault = judgeFault(sampled.drawn, stage.settings.maxFailedVerdicts);
  if (fault !== undefined) {
    await save(stage, state, false);
    throw fault;
  }
  if (state.step > 0 && !isDue(stage, state.step + 1, stage.saveEvery)) return { flops: 0, metrics: {} };
  const { largest, flops } = await samplerDifference(
    stage.engine,
    sampled.groups,
    stage.settings.temperature,
  );
  return { flops, metrics: { "sampling/sampling_logp_difference/max": largest } };
}

/** The optimizer steps of one rollout; none where no group has anything to teach. */
export async function update(
  stage: GrpoStage,
  batch: readonly TrainingGroup[],
  learningRate: number,
): Promise<StepMetrics[]> {
  const updates: StepMetrics[] = [];
  if (batch.length === 0) return updates;
  for (let index = 0; index < stage.settings.updatesPerRollout; index += 1) {
    updates.push(await stage.engine.step(batch, stage.plan.loss, learningRate));
  }
  return updates;
}

/** Everything a step says about itself, except what endStep measures. */
export function stepReport(
  stage: GrpoStage,
  sampled: SampledGroups,
  updates: readonly StepMetrics[],
  more: Counted,
): StepReport {
  const { tokens, flops, metrics } = updateReport(updates);
  const rolled = rolloutMetrics(sampled.drawn, stage.reward.name);
  const resampled =
    stage.settings.resampleZeroVariance > 0 ? { "rollout/resampled_groups": sampled.resampled } : {};
  return {
    tokens,
    flops: flops + more.flops,
    metrics: { ...rolled, ...resampled, ...metrics, ...more.metrics },
  };
}

/** Records the first groups of the step's rollout, pictures and all, where an evaluation follows. */
export function logGroups(
  stage: GrpoStage,
  state: StageState,
  groups: readonly ScoredGroup[],
  advantages: readonly (readonly (number | undefined)[])[],
): void {
  if (!isDue(stage, state.step, stage.evaluateEvery)) return;
  const { recorder } = stage.run;
  for (const [index, group] of groups.slice(0, LOGGED_GROUPS).entries()) {
    const shown = loggedGroup(recorder, group, advantages[index] ?? []);
    recorder.record({ kind: "group-logged", stage: stage.name, step: state.step, group: shown });
  }
}
