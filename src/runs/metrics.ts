/**
 * Every metric a run may log, declared before it is logged: unit, direction and meaning. Names are TRL's where TRL
 * has one. A family stands for the metrics that rewards bring along under their own names. Console, report and
 * docs/metrics.md read these tables; the type checker refuses any other name, and readers of events ask `isMetricName`.
 */

export interface MetricSpec {
  readonly unit: string;
  readonly better: "higher" | "lower" | "neither";
  readonly about: string;
}

export const METRICS = {
  loss: {
    unit: "",
    better: "neither",
    about: "What the step minimised. In GRPO it hovers near zero; watch `reward`.",
  },
  "loss/validation": {
    unit: "nats",
    better: "lower",
    about: "Mean negative log-probability of validation completions.",
  },
  learning_rate: { unit: "", better: "neither", about: "Learning rate of the step." },
  grad_norm: { unit: "", better: "neither", about: "Global norm of the gradient before clipping." },
  num_tokens: { unit: "tokens", better: "neither", about: "Tokens trained on so far." },
  flops: { unit: "FLOP", better: "neither", about: "Matrix-product operations so far, generation included." },
  reward: { unit: "score", better: "higher", about: "Mean reward of the rollout's scored completions." },
  reward_std: {
    unit: "score",
    better: "neither",
    about: "Mean over groups of the rewards' standard deviation.",
  },
  frac_reward_zero_std: {
    unit: "share",
    better: "lower",
    about: "Groups whose rewards are all equal: they teach nothing.",
  },
  exact_match: {
    unit: "share",
    better: "higher",
    about: "Completions whose picture equals the target in every code.",
  },
  kl: {
    unit: "nats",
    better: "lower",
    about: "KL estimate from the reference policy, mean over counted tokens.",
  },
  entropy: { unit: "nats", better: "neither", about: "Mean of −Σ p log p over counted tokens." },
  "clip_ratio/low_mean": {
    unit: "share",
    better: "lower",
    about: "Counted tokens whose ratio was clipped from below.",
  },
  "clip_ratio/high_mean": {
    unit: "share",
    better: "lower",
    about: "Counted tokens whose ratio was clipped from above.",
  },
  "completions/mean_length": {
    unit: "tokens",
    better: "neither",
    about: "Mean completion length, forced ids included.",
  },
  "completions/min_length": { unit: "tokens", better: "neither", about: "Shortest completion." },
  "completions/max_length": { unit: "tokens", better: "neither", about: "Longest completion." },
  "completions/clipped_ratio": { unit: "share", better: "lower", about: "Completions cut off by maxTokens." },
  "completions/undecodable": {
    unit: "share",
    better: "lower",
    about: "Completions no picture could be decoded from.",
  },
  "judge/unparsable": {
    unit: "share",
    better: "lower",
    about: "Completions whose verdict failed: the judge's reply could not be read.",
  },
  "judge/unreachable": {
    unit: "share",
    better: "lower",
    about: "Completions whose verdict failed: the judge gave none.",
  },
  "judge/lost_groups": {
    unit: "groups",
    better: "lower",
    about: "Groups with fewer than two scored completions: nothing to compare, so they leave the batch.",
  },
  "rollout/resampled_groups": {
    unit: "groups",
    better: "neither",
    about: "Groups drawn again because their rewards were all equal.",
  },
  "sampling/sampling_logp_difference/max": {
    unit: "nats",
    better: "lower",
    about: "Largest difference between the sampler's and the trainer's log-probabilities.",
  },
  "sampling/importance_sampling_ratio/mean": {
    unit: "",
    better: "neither",
    about:
      "Mean over counted tokens of their importance weights, with `grpo.loss.importanceCap`; near 1 where the sampler is near the trainer.",
  },
  "sampling/importance_sampling_ratio/truncated": {
    unit: "share",
    better: "lower",
    about: "Counted tokens whose importance weight would have been above the cap.",
  },
  "eval/reward": {
    unit: "score",
    better: "higher",
    about: "Mean reward on validation edits, sampling at temperature 1.",
  },
  "eval/exact_match": {
    unit: "share",
    better: "higher",
    about: "Exact match on validation edits, sampling at temperature 1.",
  },
  "eval/failed": {
    unit: "share",
    better: "lower",
    about: "Verdicts on validation edits that failed for the judge's reasons, of those it was asked for.",
  },
  "eval/slice_reward": {
    unit: "score",
    better: "higher",
    about: "Mean reward on the slice of `grpo.stopOn`, sampling at temperature 1.",
  },
  "eval/slice_failed": {
    unit: "share",
    better: "lower",
    about: "Verdicts on that slice that failed for the judge's reasons, of those it was asked for.",
  },
  "monitor/unchanged": { unit: "share", better: "lower", about: "Pictures that equal their source." },
  "monitor/source_distance": {
    unit: "levels",
    better: "neither",
    about: "Mean difference of pictures to their source, of 255.",
  },
  "monitor/code_entropy": {
    unit: "nats",
    better: "neither",
    about: "Entropy of the codes within a picture, mean over pictures.",
  },
  "monitor/colour_variance_ratio": {
    unit: "",
    better: "neither",
    about: "Variance of a picture's colours as a share of its source's.",
  },
  "monitor/flat_groups": {
    unit: "share",
    better: "lower",
    about: "Groups of two or more scored completions whose rewards are all equal.",
  },
  "monitor/repeated": {
    unit: "share",
    better: "lower",
    about: "Completions that equal an earlier one of their group.",
  },
  "monitor/disagreement": {
    unit: "",
    better: "lower",
    about: "1 − Spearman's correlation of the judge with the reference reward, where there are targets.",
  },
  "judge/calls/asked": { unit: "", better: "neither", about: "Questions to judges." },
  "judge/calls/cached": { unit: "", better: "higher", about: "Of these, answered without a request." },
  "judge/calls/requests": {
    unit: "",
    better: "lower",
    about: "Requests that were sent, retries and questions asked again included.",
  },
  "judge/calls/input_tokens": { unit: "tokens", better: "neither", about: "Tokens that judges read." },
  "judge/calls/output_tokens": { unit: "tokens", better: "neither", about: "Tokens that judges wrote." },
  "judge/calls/cost": {
    unit: "",
    better: "lower",
    about: "What these tokens cost, in the currency of the configured prices.",
  },
  "time/judge_p50": {
    unit: "s",
    better: "lower",
    about: "Median time from a question to its answer, waiting in line included.",
  },
  "time/judge_p95": { unit: "s", better: "lower", about: "The same, 95th percentile." },
  "time/judge_p99": { unit: "s", better: "lower", about: "The same, 99th percentile." },
  "time/step": { unit: "s", better: "lower", about: "Wall time of the step (TRL: step_time)." },
  "time/rollout": { unit: "s", better: "lower", about: "Wall time of generating and scoring." },
  "time/judging": {
    unit: "s",
    better: "lower",
    about: "Of the rollout's time, what the step waited for verdicts with nothing else to do.",
  },
  "time/judging_hidden": {
    unit: "s",
    better: "neither",
    about:
      "Time in which its pictures were decoded and judged while others were written or, with `grpo.lookAhead`, the step before was trained on.",
  },
  "time/update": { unit: "s", better: "lower", about: "Wall time of the optimizer step." },
} as const satisfies Record<string, MetricSpec>;

/**
 * Metrics that come by name: `<name>` is a reward of the run, or, after a slash, one of the subscores that it is made of
 * ("reference", "reference/success").
 */
export const METRIC_FAMILIES = {
  "rewards/<name>/mean": {
    unit: "score",
    better: "higher",
    about:
      "Mean of the scores that `<name>` gave, in its own range: before weights and maps make rewards of them.",
  },
  "rewards/<name>/std": {
    unit: "score",
    better: "neither",
    about: "Standard deviation of the scores that `<name>` gave.",
  },
} as const satisfies Record<string, MetricSpec>;

type MemberOf<Family> = Family extends `${infer Before}<name>${infer After}`
  ? `${Before}${string}${After}`
  : never;

type FamilyMember = MemberOf<keyof typeof METRIC_FAMILIES>;

export type MetricName = keyof typeof METRICS | FamilyMember;
export type Metrics = Partial<Record<keyof typeof METRICS, number>> & Record<FamilyMember, number>;

/** True for what a second run of the same seed may say differently: wall time, and what a judge was asked, which may be remembered. */
export function isPassingMetric(name: string): boolean {
  return name.startsWith("time/") || name.startsWith("judge/calls/");
}

/** Words with slashes between them: what may stand in place of `<name>`. */
const MEMBER = /^[^/\s]+(?:\/[^/\s]+)*$/;

/** True where a reward or a subscore may have this name in metrics. */
export function isScoreName(name: string): boolean {
  return MEMBER.test(name);
}

/** True for a declared metric, or a member of a family. */
export function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name) || memberSpec(name) !== undefined;
}

/**
 * Unit, direction and meaning of a metric.
 *
 * @example
 * metricSpec("rewards/sc/std").about; // => "Standard deviation of the scores that `sc` gave."
 */
export function metricSpec(name: MetricName): MetricSpec {
  const known: Readonly<Record<string, MetricSpec>> = METRICS;
  return Object.hasOwn(METRICS, name) ? known[name]! : memberSpec(name)!;
}

function memberSpec(name: string): MetricSpec | undefined {
  for (const [family, spec] of Object.entries(METRIC_FAMILIES)) {
    const [before, after] = family.split("<name>") as [string, string];
    if (!name.startsWith(before) || !name.endsWith(after)) continue;
    const member = name.slice(before.length, name.length - after.length);
    if (isScoreName(member)) return { ...spec, about: spec.about.replace("<name>", member) };
  }
  return undefined;
}
