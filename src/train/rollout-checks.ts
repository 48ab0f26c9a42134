/** What must hold of a rollout before it is trained on; each check throws rather than train on something false. */

import { mean } from "../algorithms/statistics.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { ConfigError, EngineError } from "../errors.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import { FORCED } from "../tokens/constraints.ts";

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

export interface SamplerDifference {
  /** Nats at a token. */
  readonly largest: number;
  readonly flops: number;
}

/**
 * How far the log-probabilities that completions were drawn with are from those the trainer computes for them now, on
 * the first groups' free tokens. Throws EngineError beyond what the engine declares: every gradient would be biased.
 */
export async function samplerDifference(
  engine: PolicyEngine,
  groups: readonly ScoredGroup[],
  temperature: number,
): Promise<SamplerDifference> {
  const compared = groups.slice(0, COMPARED_GROUPS);
  const { logprobs: trainer, flops } = await engine.logprobs(
    compared.map(({ edit, completions }) => ({ prompt: edit.prompt, completions })),
    "policy",
    temperature,
  );
  const differences = compared.flatMap(({ completions }, group) =>
    completions.flatMap(({ logprobs, constraints }, index) =>
      Array.from(logprobs.keys())
        .filter((position) => constraints[position] !== FORCED)
        .map((position) => Math.abs(logprobs[position]! - trainer[group]![index]![position]!)),
    ),
  );
  // NaN compares false with everything, so it must not be able to pass as small.
  const largest = differences.reduce((most, value) => (value <= most ? most : value), 0);
  const average = differences.length === 0 ? 0 : mean(differences);
  if (largest <= engine.agreement.largest && average <= engine.agreement.mean) return { largest, flops };
  throw new EngineError(
    `Sampler and trainer disagree on log-probabilities by up to ${nats(largest)}, ${nats(average)} on average (at most ${nats(engine.agreement.largest)} and ${nats(engine.agreement.mean)} are allowed). ${histogram(differences)}.`,
    {
      hint: "Generation and training must use the same weights and precision; this is a defect of the engine.",
    },
  );
}

const nats = (value: number): string => `${Number(value.toPrecision(2))} nats`;

/** How many tokens differ by how much, in powers of ten: "812 tokens below 1e-6, 3 from 1e-4 to 1e-3, 1 not a number". */
function histogram(differences: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const value of differences) {
    const power = Number.isNaN(value)
      ? Infinity
      : Math.min(1, Math.max(-6, Math.floor(Math.log10(value) + 1)));
    counts.set(power, (counts.get(power) ?? 0) + 1);
  }
  const words = [...counts]
    .toSorted(([left], [right]) => left - right)
    .map(([power, count]) => `${count} ${rangeBelow(power)}`);
  return `Of ${differences.length} tokens ${words.join(", ")}`;
}

function rangeBelow(power: number): string {
  if (power === Infinity) return "not a number";
  if (power === -6) return "below 1e-6";
  return power === 1 ? "of 1 or more" : `from 1e${power - 1} to 1e${power}`;
}
