/** What is said inside a step: how far its rollout is, and what judges answered. Nothing that is computed follows from it. */

import { loggedGroup } from "../rollout/logged-group.ts";
import type { RolloutProgress, RolloutWatch } from "../rollout/rollout-progress.ts";
import type { Clock } from "../runs/clock.ts";
import type { Stage as StageName } from "../runs/event.ts";
import type { Recorder } from "../runs/recorder.ts";

/** A rollout is heard from this often, and not at all when it takes less. */
const INTERVAL_SECONDS = 1;

export interface RolloutEventsOptions {
  /** Hears how long a rollout waited for its last verdicts. */
  readonly onJudged: (waited: number) => void;
  /** Groups that are recorded when they are judged, before anything is made of them. */
  readonly shownGroups?: number;
}

/** Records how the rollouts of a step go on. The step's number is that of the step that is going on. */
export function rolloutEvents(
  { recorder, clock }: { readonly recorder: Recorder; readonly clock: Clock },
  place: { readonly stage: StageName; readonly step: number },
  { onJudged, shownGroups = 0 }: RolloutEventsOptions,
): RolloutWatch {
  let last = clock.seconds();
  let shown = 0;
  return {
    clock,
    onScored(group) {
      if (shown >= shownGroups) return;
      shown += 1;
      recorder.record({ kind: "group-judged", ...place, group: loggedGroup(recorder, group, []) });
    },
    onProgress({
      reward,
      tokens,
      written,
      scored,
      groups,
      judged,
      failed,
      seconds,
      waited,
    }: RolloutProgress) {
      if (scored === groups) {
        onJudged(waited);
        recorder.record({ kind: "judge-calls", ...place, reward, calls: judged, failed, seconds });
      } else if (clock.seconds() - last >= INTERVAL_SECONDS) {
        last = clock.seconds();
        recorder.record({ kind: "rollout-progress", ...place, tokens, written, scored, groups });
      }
    },
  };
}
