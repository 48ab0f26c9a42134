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
import { RolloutTally, type RolloutWatch } from "./rollout-progress.ts";
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
  readonly watch?: RolloutWatch;
}

/**
 * Completions that are written at once where a server judges them: half of what engines take by default, at the same
 * speed, so that one half is judged while the other is written.
 */
const ROWS_BEFORE_A_SERVER = 64;
/** How long a reward may take to end after its signal; one that is deaf to it is not waited for any longer. */
const GRACE_MS = 1000;

/**
 * Samples `sampling.groupSize` completions of every edit and scores them; groups come back in the order of the edits.
 * The same seed gives the same groups. Rejects with the first fault of engine or reward; throws EngineError where the
 * engine leaves completions out.
 */
export async function rollout(parts: RolloutParts, request: RolloutRequest): Promise<ScoredGroup[]> {
  // A controller of its own: what is listening to it is let go with the rollout, the run's signal lives on.
  const stop = new AbortController();
  const passOn = (): void => stop.abort(request.signal?.reason);
  request.signal?.addEventListener("abort", passOn, { once: true });
  if (request.signal?.aborted === true) passOn();

  const scorings: Promise<ScoredGroup>[] = [];
  const work = writeAndScore(parts, request, { stop, scorings });
  try {
    return await Promise.race([work, rejectionOf(stop.signal)]);
  } catch (cause) {
    stop.abort(cause);
    const ended = Promise.allSettled([work, ...scorings]);
    await Promise.race([ended, delay(GRACE_MS, undefined, { ref: false })]);
    // An engine that was stopped by the signal rejects in its own words; the reason is what came first.
    throw stop.signal.reason;
  } finally {
    request.signal?.removeEventListener("abort", passOn);
  }
}

interface Stoppable {
  readonly stop: AbortController;
  /** Every scoring that was begun, to be waited for. */
  readonly scorings: Promise<ScoredGroup>[];
}

async function writeAndScore(
  { engine, ...scorer }: RolloutParts,
  { edits, sampling, seed, watch }: RolloutRequest,
  { stop, scorings }: Stoppable,
): Promise<ScoredGroup[]> {
  const { signal } = stop;
  const tally = new RolloutTally({ reward: scorer.reward.name, groups: edits.length }, watch);
  const scored = new Map<number, Promise<ScoredGroup>>();
  signal.throwIfAborted();
  const prompts = edits.map((edit) => edit.prompt);
  const { onTokens } = tally;
  const rowsAtOnce = scorer.reward.asksServer === true ? ROWS_BEFORE_A_SERVER : undefined;
  const request = { prompts, sampling, seed, signal, onTokens, rowsAtOnce };
  for await (const group of engine.generate(request)) {
    signal.throwIfAborted();
    const edit = edits[group.prompt];
    if (edit === undefined || group.completions.length !== sampling.groupSize) continue;
    tally.onWritten();
    const scoring = tally.timed(async () => scoreGroup(scorer, edit, group, signal));
    scoring.catch((cause: unknown) => stop.abort(cause));
    scorings.push(scoring);
    scored.set(group.prompt, scoring);
  }
  if (scored.size !== edits.length) {
    throw new EngineError(`The engine completed ${scored.size} of ${edits.length} groups.`);
  }
  return Promise.all(edits.map((_, index) => scored.get(index)!));
}

/** Never resolves; rejects with the signal's reason. */
async function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
