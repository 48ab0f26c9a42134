/**
 * One batch of groups, sampled and scored: prompts → completions → code grids → pictures → verdicts. Each group is
 * decoded and judged as soon as the engine hands over its last completion, while the engine goes on with the others:
 * how much of the judge's time that hides is up to the engine, which yields groups as they end. Whatever fails stops
 * the rest at once, and nothing is left running.
 */

import { setTimeout as delay } from "node:timers/promises";

import type { Completion, PolicyEngine, Sampling } from "../engine/policy-engine.ts";
import { EngineError } from "../errors.ts";
import type { PreparedEdit } from "../edits/prepared-edit.ts";
import { scoreGroup, type Scorer } from "./score-group.ts";
import { RolloutTally, type RolloutWatch } from "./rollout-progress.ts";
import type { ScoredGroup } from "./scored-group.ts";

/** What writes, reads and judges completions. */
export interface RolloutParts extends Scorer {
  readonly engine: Pick<PolicyEngine, "generate">;
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

/** The completions of an edit as the engine wrote them. */
export interface WrittenGroup {
  readonly edit: PreparedEdit;
  readonly completions: readonly Completion[];
}

/** A rollout that is written, while it is judged. Dispose of it where its verdicts are not waited for. */
export interface RolloutUnderWay extends AsyncDisposable {
  /** In the order of the edits. */
  readonly written: readonly WrittenGroup[];
  /** The same with their verdicts; rejects with the first fault of the reward, or the reason of the signal. */
  readonly scored: Promise<ScoredGroup[]>;
  /** Seconds in which some of it was decoded or judged, by the watch's clock; known when all is scored. */
  judgedFor(): number;
}

/**
 * Samples `sampling.groupSize` completions of every edit and scores them; groups come back in the order of the edits.
 * The same seed gives the same groups. Rejects with the first fault of engine or reward; throws EngineError where the
 * engine leaves completions out.
 */
export async function rollout(parts: RolloutParts, request: RolloutRequest): Promise<ScoredGroup[]> {
  const { scored } = await beginRollout(parts, request);
  return scored;
}

/** The same up to the last completion: what comes back is still judged. Rejects where `rollout` does until then. */
export async function beginRollout(
  { engine, ...scorer }: RolloutParts,
  { edits, sampling, seed, ...request }: RolloutRequest,
): Promise<RolloutUnderWay> {
  const scoring = new Scoring(scorer, edits, request);
  await scoring.until(writeAndScore(engine, { edits, sampling, seed }, scoring));
  return scoring.underWay();
}

/** Judges what was written before, as if it had just been. */
export function judgeWritten(
  scorer: Scorer,
  groups: readonly WrittenGroup[],
  request: Pick<RolloutRequest, "signal" | "watch">,
): RolloutUnderWay {
  const edits = groups.map(({ edit }) => edit);
  const scoring = new Scoring(scorer, edits, request);
  for (const [index, { completions }] of groups.entries()) scoring.add(index, completions);
  return scoring.underWay();
}

async function writeAndScore(
  engine: RolloutParts["engine"],
  { edits, sampling, seed }: Pick<RolloutRequest, "edits" | "sampling" | "seed">,
  scoring: Scoring,
): Promise<void> {
  const { signal } = scoring;
  signal.throwIfAborted();
  const prompts = edits.map((edit) => edit.prompt);
  const { onTokens } = scoring.tally;
  const rowsAtOnce = scoring.asksServer ? ROWS_BEFORE_A_SERVER : undefined;
  const request = { prompts, sampling, seed, signal, onTokens, rowsAtOnce };
  for await (const { prompt, completions } of engine.generate(request)) {
    signal.throwIfAborted();
    if (completions.length === sampling.groupSize) scoring.add(prompt, completions);
  }
  if (scoring.count !== edits.length) {
    throw new EngineError(`The engine completed ${scoring.count} of ${edits.length} groups.`);
  }
}

/** The groups of one rollout that are scored, each from the moment it is written. */
class Scoring {
  readonly tally: RolloutTally;
  readonly #scorer: Scorer;
  readonly #edits: readonly PreparedEdit[];
  // A controller of its own: what is listening to it is let go with the rollout, the run's signal lives on.
  readonly #stop = new AbortController();
  readonly #letGo: () => void;
  readonly #groups = new Map<
    number,
    { readonly written: WrittenGroup; readonly scored: Promise<ScoredGroup> }
  >();

  constructor(
    scorer: Scorer,
    edits: readonly PreparedEdit[],
    { signal, watch }: Pick<RolloutRequest, "signal" | "watch">,
  ) {
    this.#scorer = scorer;
    this.#edits = edits;
    this.tally = new RolloutTally({ reward: scorer.reward.name, groups: edits.length }, watch);
    const passOn = (): void => this.#stop.abort(signal?.reason);
    signal?.addEventListener("abort", passOn, { once: true });
    this.#letGo = () => signal?.removeEventListener("abort", passOn);
    if (signal?.aborted === true) passOn();
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get asksServer(): boolean {
    return this.#scorer.reward.asksServer === true;
  }

  /** Groups that were added. */
  get count(): number {
    return this.#groups.size;
  }

  /** Begins to score the completions of an edit; those of an edit that was not asked for are left out. */
  add(index: number, completions: readonly Completion[]): void {
    const edit = this.#edits[index];
    if (edit === undefined) return;
    this.tally.onWritten();
    const scored = this.tally.timed(async () => scoreGroup(this.#scorer, edit, { completions }, this.signal));
    scored.catch((cause: unknown) => this.#stop.abort(cause));
    this.#groups.set(index, { written: { edit, completions }, scored });
  }

  underWay(): RolloutUnderWay {
    const groups = this.#edits.map((_, index) => this.#groups.get(index)!);
    const all = this.until(Promise.all(groups.map(({ scored }) => scored))).finally(this.#letGo);
    // Whoever waits for it hears of it.
    all.catch(() => {});
    return {
      written: groups.map(({ written }) => written),
      scored: all,
      judgedFor: () => this.tally.judgedFor,
      [Symbol.asyncDispose]: async () => {
        this.#stop.abort(new Error("The rollout is not needed any more."));
        await all.catch(() => {});
      },
    };
  }

  /** The result of a part of the rollout. Whatever fails, here or in a scoring, stops all of it. */
  async until<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await Promise.race([work, rejectionOf(this.signal)]);
    } catch (cause) {
      this.#stop.abort(cause);
      const ended = Promise.allSettled([work, ...Array.from(this.#groups.values(), ({ scored }) => scored)]);
      await Promise.race([ended, delay(GRACE_MS, undefined, { ref: false })]);
      this.#letGo();
      // An engine that was stopped by the signal rejects in its own words; the reason is what came first.
      throw this.signal.reason;
    }
  }
}

/** Never resolves; rejects with the signal's reason. */
async function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
