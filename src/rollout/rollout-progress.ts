/** How far a rollout is, for whoever shows it while it goes on. */

import { isJudgeFault } from "../judge/verdict.ts";
import type { Clock } from "../runs/clock.ts";
import type { ScoredGroup } from "./scored-group.ts";

/** Counts grow until the rollout ends. */
export interface RolloutProgress {
  /** Name of the reward that judges. */
  readonly reward: string;
  /** Ids that all completions have together, forced ones included. */
  readonly tokens: number;
  /** Groups that are written, and those that are scored, of all. */
  readonly written: number;
  readonly scored: number;
  readonly groups: number;
  /** Pictures that the judge was asked about and has answered. */
  readonly judged: number;
  /** Those of them that it failed at. */
  readonly failed: number;
  /** From a group's last id to its last verdict, summed over groups, which overlap. */
  readonly seconds: number;
}

/** Told how a rollout goes on, as often as something changes. */
export interface RolloutWatch {
  readonly clock: Pick<Clock, "seconds">;
  readonly onProgress: (progress: RolloutProgress) => void;
  /** Shown each group when its last verdict has come. */
  readonly onScored?: (group: ScoredGroup) => void;
}

/** Counts what happens in a rollout. Without a watch it does nothing. */
export class RolloutTally {
  readonly #watch: RolloutWatch | undefined;
  #progress: RolloutProgress;
  /** Groups that are being scored, since when there are some, and how long there were before. */
  #scoring = 0;
  #since = 0;
  #judgedFor = 0;

  constructor(
    { reward, groups }: Pick<RolloutProgress, "reward" | "groups">,
    watch: RolloutWatch | undefined,
  ) {
    this.#watch = watch;
    const nothing = { tokens: 0, written: 0, scored: 0, judged: 0, failed: 0, seconds: 0 };
    this.#progress = { reward, groups, ...nothing };
  }

  /** Seconds in which some group was being scored; counted when none is left. */
  get judgedFor(): number {
    return this.#judgedFor;
  }

  readonly onTokens = (tokens: number): void => this.#say({ tokens });

  onWritten(): void {
    this.#say({ written: this.#progress.written + 1 });
  }

  /** Scores a group and counts what came of it. */
  async timed(score: () => Promise<ScoredGroup>): Promise<ScoredGroup> {
    const begun = this.#now();
    if (this.#scoring === 0) this.#since = begun;
    this.#scoring += 1;
    const group = await score();
    const verdicts = group.completions.map(({ verdict }) => verdict);
    const { scored, judged, failed, seconds } = this.#progress;
    const now = this.#now();
    this.#scoring -= 1;
    if (this.#scoring === 0) this.#judgedFor += now - this.#since;
    this.#say({
      scored: scored + 1,
      judged: judged + verdicts.filter(({ kind }) => kind !== "undecodable").length,
      failed: failed + verdicts.filter(isJudgeFault).length,
      seconds: seconds + now - begun,
    });
    this.#watch?.onScored?.(group);
    return group;
  }

  #now(): number {
    return this.#watch?.clock.seconds() ?? 0;
  }

  #say(change: Partial<RolloutProgress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#watch?.onProgress(this.#progress);
  }
}
