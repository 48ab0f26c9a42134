/** Scores a policy on edits: one completion an edit, in batches that keep the engine busy. */

import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { Rng } from "../random.ts";
import { rollout, type RolloutParts } from "../rollout/rollout.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";

export interface PolicyEvaluation {
  /** 0 is greedy decoding: the likeliest id each time. */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  /** Edits generated at a time; default 128. Part of the draw: another size draws other completions. */
  readonly batchSize?: number;
  /** When it aborts, the evaluation rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** One group of one completion for each edit, a batch at a time, in order. The same settings give the same completions. */
export async function* evaluatedBatches(
  parts: RolloutParts,
  edits: readonly PreparedEdit[],
  { temperature, maxTokens, seed, batchSize = 128, signal }: PolicyEvaluation,
): AsyncGenerator<ScoredGroup[]> {
  const sampling = { groupSize: 1, temperature, topK: 0, topP: 1, maxTokens };
  for (let start = 0; start < edits.length; start += batchSize) {
    yield rollout(parts, {
      edits: edits.slice(start, start + batchSize),
      sampling,
      seed: Rng.from(seed, "evaluation", start).word(),
      ...(signal !== undefined && { signal }),
    });
  }
}

/**
 * All batches as one list. The first `keepPictures` edits keep what was drawn for them; other pictures are let go as their
 * batch ends: thousands of them are not for the memory to keep.
 */
export async function evaluatePolicy(
  parts: RolloutParts,
  edits: readonly PreparedEdit[],
  { keepPictures = 0, ...settings }: PolicyEvaluation & { readonly keepPictures?: number },
): Promise<ScoredGroup[]> {
  const groups: ScoredGroup[] = [];
  for await (const batch of evaluatedBatches(parts, edits, settings)) {
    for (const group of batch) groups.push(groups.length < keepPictures ? group : withoutPictures(group));
  }
  return groups;
}

function withoutPictures(group: ScoredGroup): ScoredGroup {
  const completions = group.completions.map(({ picture: _picture, ...completion }) => completion);
  return { ...group, completions };
}
