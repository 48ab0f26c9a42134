/** What must hold of a rollout before it is trained on; each check throws rather than train on something false. */

import type { PolicyEngine } from "../engine/policy-engine.ts";
import { ConfigError, EngineError } from "../errors.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";

/** Largest difference, in nats, that sampler and trainer may have at a token: float32 in another order of sums. */
export const SAMPLER_TOLERANCE = 1e-4;
/** Groups that the comparison is made on: enough to notice, cheap enough to repeat. */
const COMPARED_GROUPS = 2;

/** Throws ConfigError where no completion of the rollout holds a picture: no number of such steps would help. */
export function refuseAllUndecodable(groups: readonly ScoredGroup[]): void {
  const completions = groups.flatMap((group) => group.completions);
  const first = completions[0]?.verdict;
  if (completions.some(({ verdict }) => verdict.kind !== "undecodable")) return;
  const reason = first === undefined || first.kind === "scored" ? "no completions" : first.reason;
  throw new ConfigError(
    `No picture could be decoded from any of ${completions.length} completions: ${reason}.`,
    {
      hint: "Raise grpo.maxTokens, or start from a checkpoint that was fine-tuned to write pictures.",
    },
  );
}

/**
 * Largest difference between the log-probabilities that completions were drawn with and those the trainer computes for
 * them now, on the first groups. Throws EngineError above SAMPLER_TOLERANCE: every gradient would be biased.
 */
export async function samplerDifference(
  engine: PolicyEngine,
  groups: readonly ScoredGroup[],
  temperature: number,
): Promise<number> {
  const compared = groups.slice(0, COMPARED_GROUPS);
  const trainer = await engine.logprobs(
    compared.map(({ edit, completions }) => ({ prompt: edit.prompt, completions })),
    "policy",
    temperature,
  );
  let largest = 0;
  for (const [group, { completions }] of compared.entries()) {
    for (const [index, { logprobs }] of completions.entries()) {
      for (const [position, sampled] of logprobs.entries()) {
        const difference = Math.abs(sampled - trainer[group]![index]![position]!);
        // NaN compares false with everything, so it must not be able to pass as small.
        largest = difference <= largest ? largest : difference;
      }
    }
  }
  if (!(largest <= SAMPLER_TOLERANCE)) {
    throw new EngineError(
      `Sampler and trainer disagree on a log-probability by ${largest} (at most ${SAMPLER_TOLERANCE} is allowed).`,
      {
        hint: "Generation and training must use the same weights and precision; this is a defect of the engine.",
      },
    );
  }
  return largest;
}
