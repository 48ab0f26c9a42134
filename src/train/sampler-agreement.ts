/** Whether what samples and what trains are one policy. Were they not, every gradient would be biased. */

import { mean } from "../algorithms/statistics.ts";
import type { PolicyEngine } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import type { WrittenGroup } from "../rollout/rollout.ts";
import type { Metrics } from "../runs/metrics.ts";
import { FORCED } from "../tokens/constraints.ts";

/** Groups that the comparison is made on: enough to notice, cheap enough to repeat. */
const COMPARED_GROUPS = 2;

/**
 * Compares the log-probabilities that completions were drawn with and those the trainer computes for them now, on the
 * first groups; nothing where there are none that the weights as they are wrote. Throws EngineError, with a histogram of
 * the differences, where they are further apart than the engine says they may be (`PolicyEngine.agreement`, in nats).
 */
export async function samplerAgreement(
  engine: Pick<PolicyEngine, "agreement" | "logprobs">,
  groups: readonly WrittenGroup[],
  temperature: number,
): Promise<Metrics> {
  const compared = groups.slice(0, COMPARED_GROUPS);
  if (compared.length === 0) return {};
  const { logprobs: trainer } = await engine.logprobs(
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
  const { agreement } = engine;
  if (largest <= agreement.largest && average <= agreement.mean) {
    return { "sampling/sampling_logp_difference/max": largest };
  }
  throw new EngineError(
    `Sampler and trainer disagree on log-probabilities by up to ${nats(largest)}, ${nats(average)} on average (at most ${nats(agreement.largest)} and ${nats(agreement.mean)} are allowed). ${histogram(differences)}.`,
    {
      hint: "If the loss or grad_norm rose before, the weights have grown until rounding decides what is likely: lower the learning rate and go back to an earlier checkpoint. Else generation and training do not use the same weights and precision, which is a defect of the engine.",
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
