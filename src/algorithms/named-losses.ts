/**
 * What the published losses mean here: a name is a surrogate (how a ratio is limited), default limits and an
 * aggregation (how tokens are averaged). The advantage's scale is a setting of its own.
 */

import type { LossSettings } from "./loss-settings.ts";
import type { Aggregation } from "./aggregation.ts";
import type { LossSpec, Surrogate } from "./losses.ts";

interface NamedLoss {
  readonly surrogate: Exclude<Surrogate["kind"], "on-policy">;
  /** Published limits: the ratio stays within 1 − low … 1 + high where the settings say nothing else. */
  readonly clipLow: number;
  readonly clipHigh: number;
  readonly aggregation: Aggregation;
}

export const NAMED_LOSSES = {
  /** Shao et al. 2024, "DeepSeekMath", eq. 3. */
  grpo: { surrogate: "clipped", clipLow: 0.2, clipHigh: 0.2, aggregation: "completion-mean" },
  /** Liu et al. 2025, "Understanding R1-Zero-Like Training", section 3.2; pair it with `advantageScale: none`. */
  dr_grpo: { surrogate: "clipped", clipLow: 0.2, clipHigh: 0.2, aggregation: "fixed-length" },
  /** Yu et al. 2025, "DAPO", eq. 8 and 10: the upper limit is raised so that rare tokens can become likely. */
  dapo: { surrogate: "clipped", clipLow: 0.2, clipHigh: 0.28, aggregation: "token-mean" },
  /** Zheng et al. 2025, "GSPO", eq. 5 to 7; limits of their section 5.1: one ratio a completion moves far less. */
  gspo: { surrogate: "sequence-clipped", clipLow: 3e-4, clipHigh: 4e-4, aggregation: "completion-mean" },
  /** MiniMax 2025, "MiniMax-M1", eq. 4 and 5: only the weight is capped; TRL's cap is 5, that is 1 + 4. */
  cispo: { surrogate: "capped-weight", clipLow: 1, clipHigh: 4, aggregation: "token-mean" },
} as const satisfies Record<LossSettings["kind"], NamedLoss>;

/** How a batch is sampled and used, as far as the loss depends on it. */
export interface LossUse {
  readonly updatesPerRollout: number;
  /** Steps between sampling a batch and training on it. */
  readonly lookAhead: number;
  readonly temperature: number;
}

/** True where every update is made on what the very same weights wrote. */
export function isOnPolicy({ updatesPerRollout, lookAhead }: Omit<LossUse, "temperature">): boolean {
  return updatesPerRollout === 1 && lookAhead === 0;
}

/**
 * The description an engine compiles. With one update a rollout, of the policy that wrote it, the ratio is 1 in value
 * and every surrogate has the gradient of A · logprob, so the plain on-policy form is used and no old log-probabilities
 * are needed.
 */
export function lossSpecOf(settings: LossSettings, use: LossUse): LossSpec {
  const { klCoef, klEstimator } = settings;
  const surrogate: Surrogate = isOnPolicy(use) ? { kind: "on-policy" } : ratioSurrogate(settings);
  const kl = klCoef > 0 ? { kl: { estimator: klEstimator, coef: klCoef } } : {};
  return { surrogate, ...kl, temperature: use.temperature };
}

function ratioSurrogate(settings: LossSettings): Surrogate {
  const named: NamedLoss = NAMED_LOSSES[settings.kind];
  const clipLow = settings.clipLow ?? named.clipLow;
  const clipHigh = settings.clipHigh ?? named.clipHigh;
  switch (named.surrogate) {
    case "clipped":
    case "sequence-clipped":
      return { kind: named.surrogate, clipLow, clipHigh };
    case "capped-weight":
      return { kind: "capped-weight", clipHigh };
    default:
      return named.surrogate satisfies never;
  }
}
