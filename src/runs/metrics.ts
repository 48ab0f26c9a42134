/**
 * Every metric a run may log, declared before it is logged: unit, direction and meaning. Names are TRL's where TRL
 * has one. Console, report and docs/metrics.md read this table; the type checker refuses any other name.
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
  "rewards/reference/mean": { unit: "score", better: "higher", about: "Mean of the reward `reference`." },
  "rewards/reference/std": {
    unit: "score",
    better: "neither",
    about: "Standard deviation of the reward `reference`.",
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
  "judge/unparsable": { unit: "share", better: "lower", about: "Verdicts that could not be read." },
  "judge/unreachable": { unit: "share", better: "lower", about: "Verdicts that never came." },
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
  "time/step": { unit: "s", better: "lower", about: "Wall time of the step (TRL: step_time)." },
  "time/rollout": { unit: "s", better: "lower", about: "Wall time of generating and scoring." },
  "time/update": { unit: "s", better: "lower", about: "Wall time of the optimizer step." },
} as const satisfies Record<string, MetricSpec>;

export type MetricName = keyof typeof METRICS;
export type Metrics = Partial<Record<MetricName, number>>;
