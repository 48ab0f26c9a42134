/**
 * The rollout of one training step. Groups whose rewards are all equal teach nothing; on request they are replaced by
 * groups of other prompts, a bounded number of times (DAPO's dynamic sampling, Yu et al. 2025, section 3.2).
 */

import { isZeroVariance } from "../algorithms/advantages.ts";
import type { Sampling } from "../engine/policy-engine.ts";
import { ConfigError } from "../errors.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";
import { askAgain } from "../rollout/ask-again.ts";
import { judgeFault } from "../rollout/judge-fault.ts";
import { rollout, type RolloutParts } from "../rollout/rollout.ts";
import { rewardOf, type ScoredGroup } from "../rollout/scored-group.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import { phaseAt, type TrainingEdits } from "./phases.ts";
import type { Step } from "./stage.ts";
import { ORDER_OF, stepEdits } from "./step-edits.ts";

/** Where the groups of every step come from. */
export interface GroupSource {
  readonly world: RolloutParts;
  readonly train: TrainingEdits;
  /** The edits that a step starts with. */
  readonly batchAt: (step: number) => Promise<PreparedEdit[]>;
  readonly sampling: Sampling;
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
  /** Groups that were drawn to replace others. */
  readonly resampled: number;
}

export function groupSource(
  world: RolloutParts & { readonly train: TrainingEdits },
  settings: GrpoSettings,
  seed: number,
): GroupSource {
  const { groupSize, temperature, maxTokens, steps, prompts } = settings;
  const { resampleZeroVariance, maxFailedVerdicts } = settings;
  return {
    world,
    train: world.train,
    batchAt: stepEdits(world.train, { size: prompts, steps, seed, purpose: ORDER_OF.grpo }),
    sampling: { groupSize, temperature, topK: 0, topP: 1, maxTokens },
    resample: resampleZeroVariance,
    maxFailedVerdicts,
    seed,
  };
}

/**
 * Samples and scores the groups of a step. Everything drawn follows from the seed and the step's number. Throws
 * JudgeError where too many verdicts failed and the judge stays away, before anything is drawn anew; ConfigError where not one picture of a
 * stage's first rollout could be decoded.
 */
export async function sampleGroups(
  source: GroupSource,
  { index: step, signal, watch, patiently }: Pick<Step, "index" | "signal" | "watch" | "patiently">,
): Promise<SampledGroups> {
  const draw = async (edits: readonly PreparedEdit[], round: number): Promise<ScoredGroup[]> => {
    const seed = Rng.from(source.seed, "grpo/rollout", step, round).word();
    let groups = await rollout(source.world, { edits, sampling: source.sampling, seed, signal, watch });
    const judged = (): ScoredGroup[] => {
      const fault = judgeFault(groups, source.maxFailedVerdicts);
      if (fault !== undefined) throw fault;
      return groups;
    };
    return patiently(judged, async () => {
      groups = await askAgain(source.world.reward, groups, signal);
      return judged();
    });
  };
  const drawn = await draw(await source.batchAt(step), 0);
  if (step === 0) requireDecodable(drawn);
  const groups = [...drawn];
  let resampled = 0;
  for (let round = 1; round <= source.resample; round += 1) {
    const withoutVariance = groups.flatMap((group, at) =>
      isZeroVariance(group.completions.map(rewardOf)) ? [at] : [],
    );
    if (withoutVariance.length === 0) break;
    const rng = Rng.from(source.seed, "grpo/resample", step, round);
    const { edits } = phaseAt(source.train, step);
    const others = await edits.take(withoutVariance.map(() => rng.integer(edits.count)));
    for (const [index, fresh] of (await draw(others, round)).entries())
      groups[withoutVariance[index]!] = fresh;
    resampled += withoutVariance.length;
  }
  return { drawn, groups, resampled };
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
