/**
 * Truncated importance weights, for a sampler that draws from a slightly other distribution than the one that is trained
 * (lower precision, other kernels). A token drawn from μ and weighed with π/μ stands for one drawn from π; the cap bounds
 * what one token can weigh, at the price of a bias where it acts (Ionides 2008; for this use Yao et al. 2025, "Your
 * Efficient RL Framework Secretly Brings You Off-Policy RL Training"). They are constants of the loss.
 */

import { mean } from "./statistics.ts";

/**
 * min(π/μ, cap) of each token. Log-probabilities are of the same weights, under the trainer and the sampler; [tokens],
 * 0 at forced ones, whose weight is 1.
 *
 * @example
 * [...importanceWeights({ trainer: Float32Array.of(-1, -1), sampler: Float32Array.of(-1, -9) }, 2)]; // => [1, 2]
 */
export function importanceWeights(
  { trainer, sampler }: { readonly trainer: Float32Array; readonly sampler: Float32Array },
  cap: number,
): Float32Array {
  return trainer.map((value, token) => Math.min(Math.exp(value - sampler[token]!), cap));
}

/** Of the tokens' ratios π/μ: the mean of their weights, and the share that the cap holds down. */
export function importanceSummary(
  ratios: readonly number[],
  cap: number,
): { readonly mean: number; readonly truncated: number } {
  const truncated = ratios.filter((ratio) => ratio > cap).length / ratios.length;
  return { mean: mean(ratios.map((ratio) => Math.min(ratio, cap))), truncated };
}
