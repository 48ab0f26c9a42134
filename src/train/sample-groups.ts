/**
 * The rollout of one training step. Groups whose rewards are all equal teach nothing; on request they are replaced by
 * groups of other prompts, a bounded number of times (DAPO's dynamic sampling, Yu et al. 2025, section 3.2).
 */

import { isZeroVariance } from "../algorithms/advantages.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { ConfigError } from "../errors.ts";
import { Rng } from "../random.ts";
import type { Reward } from "../rewards/reward.ts";
import { askAgain } from "../rollout/ask-again.ts";
import { judgeFault } from "../rollout/judge-fault.ts";
import type { WrittenGroup } from "../rollout/rollout.ts";
import { rewardOf, type ScoredGroup } from "../rollout/scored-group.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import { phaseAt, type TrainingEdits } from "./phases.ts";
import type { Step } from "./stage.ts";
import { ORDER_OF, stepEdits } from "./step-edits.ts";
import { needsTrainer } from "./training-groups.ts";
import { StepRollouts, type RolloutPlan, type StepRollout } from "./step-rollouts.ts";

/** Where the groups of every step come from. */
export interface GroupSource extends AsyncDisposable {
  readonly rollouts: StepRollouts;
  readonly reward: Reward;
  readonly train: TrainingEdits;
  /** Rounds of replacement at most. */
  readonly resample: number;
  /** Share of a rollout's verdicts that may fail. */
  readonly maxFailedVerdicts: number;
  readonly seed: number;
}

export interface SampledGroups {
  /** As first drawn: what metrics are taken of, since the replaced ones are a choice. */
  readonly drawn: readonly ScoredGroup[];
  /** What is trained on. */
  readonly groups: readonly ScoredGroup[];
  /** Written by the weights as they are; none where older ones wrote all that the step needs. */
  readonly justWritten: readonly WrittenGroup[];
  /** Groups that were drawn to replace others. */
  readonly resampled: number;
  /** Seconds of judging that something else was done in. */
  readonly hidden: number;
}

export function groupSource(
  world: RolloutPlan["world"] & {
    readonly train: TrainingEdits;
    readonly engine: Pick<PolicyEngine, "agreement">;
  },
  settings: GrpoSettings,
  seed: number,
): GroupSource {
  const { groupSize, temperature, maxTokens, steps, prompts, lookAhead } = settings;
  const { resampleZeroVariance, maxFailedVerdicts } = settings;
  const rollouts = new StepRollouts({
    world,
    batchAt: stepEdits(world.train, { size: prompts, steps, seed, purpose: ORDER_OF.grpo }),
    sampling: { groupSize, temperature, topK: 0, topP: 1, maxTokens },
    lookAhead,
    needsTrainer: needsTrainer(settings, world.engine),
    seed,
  });
  return {
    rollouts,
    reward: world.reward,
    train: world.train,
    resample: resampleZeroVariance,
    maxFailedVerdicts,
    seed,
    [Symbol.asyncDispose]: () => rollouts[Symbol.asyncDispose](),
  };
}

/**
 * Samples and scores the groups of a step; with a look-ahead those of the next one are sampled before the verdicts on
 * these are waited for. Everything drawn follows from the seed and the step's number. Throws JudgeError where too many
 * verdicts failed and the judge stays away, before anything is drawn anew; ConfigError where not one picture of a
 * stage's first rollout could be decoded.
 */
export async function sampleGroups(source: GroupSource, step: Step): Promise<SampledGroups> {
  const { rollouts, seed } = source;
  const own = await rollouts.of(step);
  const drawn = await judgedGroups(source, own, step);
  if (step.index === 0) requireDecodable(drawn.groups);
  const groups = [...drawn.groups];
  let [resampled, { hidden }] = [0, drawn];
  for (let round = 1; round <= source.resample; round += 1) {
    const withoutVariance = groups.flatMap((group, at) =>
      isZeroVariance(group.completions.map(rewardOf)) ? [at] : [],
    );
    if (withoutVariance.length === 0) break;
    const rng = Rng.from(seed, "grpo/resample", step.index, round);
    const { edits } = phaseAt(source.train, step.index);
    const others = await edits.take(withoutVariance.map(() => rng.integer(edits.count)));
    const written = await rollouts.write(others, { step: step.index, round }, step);
    const judged = await judgedGroups(source, written, step);
    for (const [index, group] of judged.groups.entries()) groups[withoutVariance[index]!] = group;
    resampled += withoutVariance.length;
    hidden += judged.hidden;
  }
  const ahead = rollouts.aheadIn(step);
  const justWritten = own.writtenIn === step.index ? groups : ahead;
  return { drawn: drawn.groups, groups, justWritten, resampled, hidden };
}

/** The groups of a rollout with their verdicts. An outage of the judge is waited out. */
async function judgedGroups(
  { reward, maxFailedVerdicts }: GroupSource,
  rollout: StepRollout,
  { index, signal, patiently, timed, clock }: Step,
): Promise<{ readonly groups: ScoredGroup[]; readonly hidden: number }> {
  const begun = clock.seconds();
  let groups = await timed("time/judging", () => rollout.scored);
  const hidden = Math.max(0, rollout.judgedFor() - (clock.seconds() - begun));
  const again = async (): Promise<ScoredGroup[]> => {
    groups = await askAgain(reward, groups, signal);
    return judged();
  };
  const judged = (): ScoredGroup[] => {
    const fault = judgeFault(groups, maxFailedVerdicts);
    if (fault !== undefined) throw fault;
    return groups;
  };
  // The judge may have been away while something else went on, and be back.
  const isLate = rollout.writtenIn !== index && judgeFault(groups, maxFailedVerdicts) !== undefined;
  const scored = await patiently(isLate ? again : judged, again);
  return { groups: withTrainer(scored, rollout.trainerLogprobs), hidden };
}

/** The groups with what the trainer says of them, where that was asked. */
function withTrainer(groups: ScoredGroup[], trainer: Float32Array[][] | undefined): ScoredGroup[] {
  if (trainer === undefined) return groups;
  return groups.map(({ edit, completions }, group) => ({
    edit,
    completions: completions.map((one, index) => ({ ...one, trainerLogprobs: trainer[group]![index]! })),
  }));
}

/** Throws ConfigError where no completion holds a picture. Later in a stage that is the policy's failure, not the settings'. */
function requireDecodable(groups: readonly ScoredGroup[]): void {
  const completions = groups.flatMap((group) => group.completions);
  const verdicts = completions.map(({ verdict }) => verdict);
  const reasons = verdicts.flatMap((verdict) => (verdict.kind === "undecodable" ? [verdict.reason] : []));
  if (reasons.length < completions.length) return;
  throw new ConfigError(
    `No picture could be decoded from any of ${completions.length} completions: ${reasons[0]}.`,
    {
      hint: "Raise grpo.maxTokens, or start from a checkpoint that was fine-tuned to write pictures.",
    },
  );
}
