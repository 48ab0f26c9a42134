/** What is said inside a step: how far its rollout is, and what judges answered. Nothing that is computed follows from it. */

import type { RolloutProgress, RolloutWatch } from "../rollout/rollout-progress.ts";
import type { Clock } from "../runs/clock.ts";
import type { Stage as StageName } from "../runs/event.ts";
import type { Recorder } from "../runs/recorder.ts";

/** A rollout is heard from this often, and not at all when it takes less. */
const INTERVAL_SECONDS = 1;

/**
 * Records how the rollouts of a step go on. The step's number is that of the step that is going on. `onJudged` hears how
 * long a rollout waited for its last verdicts.
 */
export function rolloutEvents(
  { recorder, clock }: { readonly recorder: Recorder; readonly clock: Clock },
  place: { readonly stage: StageName; readonly step: number },
  onJudged: (waited: number) => void,
): RolloutWatch {
  let last = clock.seconds();
  return {
    clock,
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
