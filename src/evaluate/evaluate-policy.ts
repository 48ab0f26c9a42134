/** Scores a policy on held-out edits: one completion an edit, in batches that keep the engine busy. */

import { rollout, type RolloutParts } from "../rollout/rollout.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import { Rng } from "../random.ts";

export interface EvaluationSettings {
  /** 0 is greedy decoding: the likeliest id each time. */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Edits generated at a time; default 128. Part of the draw: another size draws other completions. */
  readonly batchSize?: number;
  /** When it aborts, the evaluation rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** One group of one completion for each edit, in order. The same settings give the same completions. */
export async function evaluatePolicy(
  parts: RolloutParts,
  edits: readonly PreparedEdit[],
  settings: EvaluationSettings,
): Promise<ScoredGroup[]> {
  const { temperature, maxTokens, seed, batchSize = 128, signal } = settings;
  const sampling = { groupSize: 1, temperature, topK: 0, topP: 1, maxTokens };
  const groups: ScoredGroup[] = [];
  for (let start = 0; start < edits.length; start += batchSize) {
    const batch = edits.slice(start, start + batchSize);
    const own = Rng.from(seed, "evaluation", start).word();
    const request = { edits: batch, sampling, seed: own, ...(signal !== undefined && { signal }) };
    for (const group of await rollout(parts, request)) groups.push(group);
  }
  return groups;
}
