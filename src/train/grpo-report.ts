/** What a GRPO step says of itself, beside what every step says. */

import { scoredRewards } from "../algorithms/advantages.ts";
import { importanceSummary } from "../algorithms/importance.ts";
import type { StepMetrics } from "../engine/policy-engine.ts";
import type { Reward } from "../rewards/reward.ts";
import { loggedGroup } from "../rollout/logged-group.ts";
import { rolloutMetrics } from "../rollout/rollout-metrics.ts";
import { rewardsOf, type ScoredGroup } from "../rollout/scored-group.ts";
import type { Metrics } from "../runs/metrics.ts";
import { FORCED } from "../tokens/constraints.ts";
import type { GrpoSettings } from "./grpo-settings.ts";
import type { SampledGroups } from "./sample-groups.ts";
import type { Stage, Step } from "./stage.ts";
import { LEAST_COMPARED } from "./training-groups.ts";

export function rolloutReport(sampled: SampledGroups, reward: Reward, settings: GrpoSettings): Metrics {
  const scored = rewardsOf(sampled.groups).map(scoredRewards);
  const lost = scored.filter((rewards) => rewards.length < LEAST_COMPARED).length;
  const rolled = {
    ...rolloutMetrics(sampled.drawn, reward.name),
    "judge/lost_groups": lost,
    "time/judging_hidden": sampled.hidden,
    ...importanceReport(sampled.groups, settings.loss.importanceCap),
  };
  return settings.resampleZeroVariance > 0
    ? { ...rolled, "rollout/resampled_groups": sampled.resampled }
    : rolled;
}

/** How far the trainer is from the sampler, over the tokens that count; nothing where no importance weights are used. */
function importanceReport(groups: readonly ScoredGroup[], importanceCap: number | undefined): Metrics {
  if (importanceCap === undefined) return {};
  const ratios = groups.flatMap(({ completions }) =>
    completions.flatMap(({ constraints, logprobs, trainerLogprobs = logprobs }) =>
      Array.from(logprobs.keys())
        .filter((token) => constraints[token] !== FORCED)
        .map((token) => Math.exp(trainerLogprobs[token]! - logprobs[token]!)),
    ),
  );
  if (ratios.length === 0) return {};
  const { mean, truncated } = importanceSummary(ratios, importanceCap);
  return {
    "sampling/importance_sampling_ratio/mean": mean,
    "sampling/importance_sampling_ratio/truncated": truncated,
  };
}

/** What the optimizer steps of one batch report: tokens added up, the rest averaged; nothing where none was made. */
export function updateReport(updates: readonly StepMetrics[]): {
  readonly tokens: number;
  readonly metrics: Metrics;
} {
  if (updates.length === 0) return { tokens: 0, metrics: {} };
  const sum = (of: (one: StepMetrics) => number): number =>
    updates.reduce((total, one) => total + of(one), 0);
  const average = (of: (one: StepMetrics) => number): number => sum(of) / updates.length;
  return {
    tokens: sum((one) => one.tokens),
    metrics: {
      loss: average((one) => one.loss),
      grad_norm: average((one) => one.gradNorm),
      entropy: average((one) => one.entropy),
      kl: average((one) => one.kl),
      "clip_ratio/low_mean": average((one) => one.clipLow),
      "clip_ratio/high_mean": average((one) => one.clipHigh),
    },
  };
}

/** Records groups of a step's rollout, pictures and all. */
export function showGroups(
  stage: Stage,
  step: Pick<Step, "index">,
  groups: readonly ScoredGroup[],
  advantages: readonly (readonly (number | undefined)[])[],
): void {
  const { recorder } = stage.run;
  for (const [index, group] of groups.entries()) {
    const shown = loggedGroup(recorder, group, advantages[index] ?? []);
    recorder.record({ kind: "group-logged", stage: stage.name, step: step.index + 1, group: shown });
  }
}
