/** The losses a policy is trained by, as one description that an engine turns into a graph. */

export type KlEstimator = "k1" | "k2" | "k3";

/** How a policy-gradient loss weighs a token (see docs/loss.md). */
export type Surrogate =
  /** ratio = 1: one update a batch, no old log-probabilities needed. */
  | { readonly kind: "on-policy" }
  /** min(ρA, clip(ρ, 1−low, 1+high)A), token by token (Schulman et al. 2017, eq. 7; DAPO's clip-higher). */
  | { readonly kind: "clipped"; readonly clipLow: number; readonly clipHigh: number }
  /** The same with one ratio a completion (GSPO, Zheng et al. 2025, eq. 5-7). */
  | { readonly kind: "sequence-clipped"; readonly clipLow: number; readonly clipHigh: number }
  /** stop-gradient(min(ρ, 1+high)) · A · logprob (CISPO, MiniMax 2025, eq. 4-5). */
  | { readonly kind: "capped-weight"; readonly clipHigh: number };

export interface LossSpec {
  readonly surrogate: Surrogate;
  /** Absent: no KL term. */
  readonly kl?: { readonly estimator: KlEstimator; readonly coef: number };
  /** Logits are divided by it, as when sampling. */
  readonly temperature: number;
}

/** Mean negative log-probability: every advantage is 1 and the weights carry the mean. */
export const SFT_LOSS: LossSpec = { surrogate: { kind: "on-policy" }, temperature: 1 };
