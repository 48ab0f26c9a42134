/**
 * One batch of groups, sampled and scored: prompts → completions → code grids → pictures → verdicts. Each group is
 * decoded and judged as soon as the engine hands over its last completion, while the engine goes on with the others:
 * how much of the judge's time that hides is up to the engine, which yields groups as they end. Whatever fails stops
 * the rest at once, and nothing is left running.
 */

import { setTimeout as delay } from "node:timers/promises";

import type { PolicyEngine, Sampling } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import type { Reward } from "../rewards/reward.ts";
import type { Tokens } from "../tokens/sequence.ts";
import type { VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { scoreGroup } from "./score-group.ts";
import type { ScoredGroup } from "./scored-group.ts";

/** What writes, reads and judges completions. */
export interface RolloutParts {
  readonly engine: Pick<PolicyEngine, "generate">;
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  readonly reward: Reward;
}

export interface RolloutRequest {
  readonly edits: readonly PreparedEdit[];
  readonly sampling: Sampling;
  readonly seed: number;
  /** When it aborts, the rollout rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** How long a reward may take to end after its signal; one that is deaf to it is not waited for any longer. */
const GRACE_MS = 1000;

/**
 * Samples `sampling.groupSize` completions of every edit and scores them; groups come back in the order of the edits.
 * The same seed gives the same groups. Rejects with the first fault of engine or reward; throws EngineError where the
 * engine leaves completions out.
 */
export async function rollout(parts: RolloutParts, request: RolloutRequest): Promise<ScoredGroup[]> {
  const { edits, sampling, seed } = request;
  const fault = new AbortController();
  const signal = anyOf(fault.signal, request.signal);
  const scorings = new Map<number, Promise<ScoredGroup>>();
  const prompts = edits.map((edit) => edit.prompt);
  try {
    signal.throwIfAborted();
    for await (const group of parts.engine.generate({ prompts, sampling, seed, signal })) {
      signal.throwIfAborted();
      const edit = edits[group.prompt];
      if (edit === undefined || group.completions.length !== sampling.groupSize) continue;
      const scoring = scoreGroup(parts, edit, group, signal);
      scoring.catch((cause: unknown) => fault.abort(cause));
      scorings.set(group.prompt, scoring);
    }
    if (scorings.size !== edits.length) {
      throw new EngineError(`The engine completed ${scorings.size} of ${edits.length} groups.`);
    }
    return await Promise.all(edits.map((_, index) => scorings.get(index)!));
  } catch (cause) {
    fault.abort(cause);
    await Promise.race([Promise.allSettled(scorings.values()), delay(GRACE_MS, undefined, { ref: false })]);
    // An engine that was stopped by the signal rejects in its own words; the reason is what came first.
    throw signal.reason;
  }
}

function anyOf(own: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  return given === undefined ? own : AbortSignal.any([own, given]);
}
