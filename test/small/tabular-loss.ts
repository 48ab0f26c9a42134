/** The losses of the tabular policy, token by token: value and derivative by the log-probability, written out by hand. */

import type { LossSpec } from "../../src/algorithms/losses.ts";
import type { TrainingCompletion } from "../../src/engine/policy-engine.ts";

/** A place where the policy chose: its logits' key, what was chosen, and how likely everything was. */
export interface Choice {
  readonly key: string;
  readonly position: number;
  readonly picked: number;
  readonly probabilities: readonly number[];
}

interface TokenTerm {
  readonly loss: number;
  /** Derivative of the loss by the token's log-probability. */
  readonly slope: number;
  readonly kl: number;
  /** −1 and 1 where the ratio was clipped from below and above. */
  readonly clipped: -1 | 0 | 1;
}

/** Of every choice of a completion. */
export function tokenTerms(
  completion: TrainingCompletion,
  choices: readonly Choice[],
  spec: LossSpec,
): TokenTerm[] {
  const { weights, oldLogprobs, refLogprobs } = completion;
  const logprobs = choices.map(({ probabilities, picked }) => Math.log(probabilities[picked]!));
  const logRatios = choices.map(({ position }, index) => logprobs[index]! - (oldLogprobs?.[position] ?? 0));
  const meanLogRatio = logRatios.reduce((sum, value) => sum + value, 0) / logRatios.length;
  return choices.map(({ position }, index) => {
    const advantage = completion.advantage * (completion.importance?.[position] ?? 1);
    const policy = surrogateTerm(spec, advantage, {
      logprob: logprobs[index]!,
      logRatio: spec.surrogate.kind === "sequence-clipped" ? meanLogRatio : logRatios[index]!,
    });
    const d = (refLogprobs?.[position] ?? 0) - logprobs[index]!;
    const kl = klTerm(spec, d);
    const coef = spec.kl?.coef ?? 0;
    const weight = weights[position]!;
    return {
      loss: weight * (policy.loss + coef * kl.value),
      slope: weight * (policy.slope + coef * kl.slope),
      kl: kl.value,
      clipped: policy.clipped,
    };
  });
}

function surrogateTerm(
  { surrogate }: LossSpec,
  advantage: number,
  { logprob, logRatio }: { logprob: number; logRatio: number },
): Pick<TokenTerm, "loss" | "slope" | "clipped"> {
  const ratio = Math.exp(logRatio);
  switch (surrogate.kind) {
    case "on-policy":
      return { loss: -advantage * logprob, slope: -advantage, clipped: 0 };
    case "capped-weight": {
      const weight = Math.min(ratio, 1 + surrogate.clipHigh);
      return {
        loss: -advantage * weight * logprob,
        slope: -advantage * weight,
        clipped: weight < ratio ? 1 : 0,
      };
    }
    case "clipped":
    case "sequence-clipped": {
      if (advantage > 0 && ratio > 1 + surrogate.clipHigh) {
        return { loss: -advantage * (1 + surrogate.clipHigh), slope: 0, clipped: 1 };
      }
      if (advantage < 0 && ratio < 1 - surrogate.clipLow) {
        return { loss: -advantage * (1 - surrogate.clipLow), slope: 0, clipped: -1 };
      }
      return { loss: -advantage * ratio, slope: -advantage * ratio, clipped: 0 };
    }
    default:
      return surrogate satisfies never;
  }
}

/** d is reference minus policy, in nats; the slope is by the policy's log-probability. */
function klTerm({ kl }: LossSpec, d: number): { value: number; slope: number } {
  if (kl === undefined) return { value: 0, slope: 0 };
  switch (kl.estimator) {
    case "k1":
      return { value: -d, slope: 1 };
    case "k2":
      return { value: (d * d) / 2, slope: -d };
    case "k3":
      return { value: Math.exp(d) - d - 1, slope: 1 - Math.exp(d) };
    default:
      return kl.estimator satisfies never;
  }
}
