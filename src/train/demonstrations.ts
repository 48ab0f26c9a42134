/** Demonstrations as an engine trains on them, and the loss on those it does not train on. */

import { tokenWeights } from "../algorithms/aggregation.ts";
import type { PolicyEngine, TrainingGroup } from "../engine/policy-engine.ts";
import { DataError } from "../errors.ts";
import type { Demonstration, PreparedEdit } from "../edits/prepared-edit.ts";
import type { Metrics } from "../runs/metrics.ts";
import { countedTokens } from "../tokens/constraints.ts";

/**
 * One group an example, with its demonstration as the only completion. Weights are the mean over the batch's counted
 * tokens, so with advantage 1 the loss is the mean negative log-probability. Throws DataError for a missing target.
 */
export function demonstrationGroups(edits: readonly PreparedEdit[]): TrainingGroup[] {
  const demonstrations = edits.map(demonstrationOf);
  const counted = demonstrations.map(({ constraints }) => countedTokens(constraints));
  const longest = Math.max(...demonstrations.map(({ ids }) => ids.length));
  const weights = tokenWeights(counted, "token-mean", longest);
  return demonstrations.map(({ prompt, ids, constraints }, index) => ({
    prompt,
    completions: [{ ids, constraints, advantage: 1, weights: weights[index]! }],
  }));
}

/** Mean negative log-probability, in nats, over the counted tokens of the edits' demonstrations. */
export async function validationLoss(
  engine: PolicyEngine,
  edits: readonly PreparedEdit[],
): Promise<{ score: number; metrics: Metrics }> {
  const demonstrations = edits.map(demonstrationOf);
  const groups = demonstrations.map(({ prompt, ids, constraints }) => ({
    prompt,
    completions: [{ ids, constraints }],
  }));
  const { logprobs } = await engine.logprobs(groups, "policy", 1);
  let sum = 0;
  let tokens = 0;
  for (const [index, { constraints }] of demonstrations.entries()) {
    const row = logprobs[index]![0]!;
    for (const [position, isCounted] of countedTokens(constraints).entries()) {
      if (isCounted === 0) continue;
      sum -= row[position]!;
      tokens += 1;
    }
  }
  return { score: sum / tokens, metrics: { "loss/validation": sum / tokens } };
}

function demonstrationOf(edit: PreparedEdit): Demonstration {
  if (edit.demonstration === undefined) {
    throw new DataError(`Example ${edit.id} has no target picture to learn from.`, {
      hint: "Supervised fine-tuning needs a target in every row; leave rows without one out.",
    });
  }
  return edit.demonstration;
}
