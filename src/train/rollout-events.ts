/** What is said inside a step: how far its rollout is, and what judges answered. Nothing that is computed follows from it. */

import { loggedGroup } from "../rollout/logged-group.ts";
import type { RolloutProgress, RolloutWatch } from "../rollout/rollout-progress.ts";
import type { ScoredGroup } from "../rollout/scored-group.ts";
import type { Clock } from "../runs/clock.ts";
import type { Stage as StageName } from "../runs/event.ts";
import type { Recorder } from "../runs/recorder.ts";

/** A rollout is heard from this often, and not at all when it takes less. */
const INTERVAL_SECONDS = 1;

/** What is said inside a step, and who is told. */
export interface RolloutPlace {
  readonly stage: StageName;
  /** Number of the step that is going on, now. */
  readonly now: () => number;
  /** Number of the step that trains on the rollout. */
  readonly step: number;
  /** Groups that are recorded when they are judged, before anything is made of them. */
  readonly shownGroups?: number;
}

/** Records how a rollout goes on. What is said of its groups waits for the step that trains on them (`begin`). */
export class RolloutEvents implements RolloutWatch {
  readonly clock: Clock;
  readonly #recorder: Recorder;
  readonly #place: RolloutPlace;
  readonly #waiting: ScoredGroup[] = [];
  #last: number;
  #shown = 0;

  constructor(
    { recorder, clock }: { readonly recorder: Recorder; readonly clock: Clock },
    place: RolloutPlace,
  ) {
    this.clock = clock;
    this.#recorder = recorder;
    this.#place = place;
    this.#last = clock.seconds();
  }

  /** The step that trains on the rollout has begun. */
  begin(): void {
    for (const group of this.#waiting.splice(0)) this.#show(group);
  }

  onScored(group: ScoredGroup): void {
    const { shownGroups = 0, now, step } = this.#place;
    if (this.#shown >= shownGroups) return;
    this.#shown += 1;
    if (now() < step) this.#waiting.push(group);
    else this.#show(group);
  }

  onProgress({ reward, tokens, written, scored, groups, judged, failed, seconds }: RolloutProgress): void {
    const { stage, now } = this.#place;
    const place = { stage, step: now() };
    const ahead = place.step < this.#place.step;
    if (scored === groups) {
      this.#recorder.record({ kind: "judge-calls", ...place, reward, calls: judged, failed, seconds });
      return;
    }
    // What is judged for later steps is heard of when they come.
    if ((ahead && written === groups) || this.clock.seconds() - this.#last < INTERVAL_SECONDS) return;
    this.#last = this.clock.seconds();
    const counts = { tokens, written, scored, groups, ...(ahead && { ahead }) };
    this.#recorder.record({ kind: "rollout-progress", ...place, ...counts });
  }

  #show(one: ScoredGroup): void {
    const { stage, step } = this.#place;
    const group = loggedGroup(this.#recorder, one, []);
    this.#recorder.record({ kind: "group-judged", stage, step, group });
  }
}
