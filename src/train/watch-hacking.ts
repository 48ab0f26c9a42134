/** Looks at a step's rollout for signs of reward hacking: figures for its metrics, and a warning beyond a threshold. */

import { scoredRewards } from "../algorithms/advantages.ts";
import type { MonitorSettings } from "../rewards/monitor-settings.ts";
import {
  monitorFigures,
  monitorWarnings,
  type MonitorFigures,
  type MonitoredGroup,
} from "../rewards/monitors.ts";
import { referenceReward } from "../rewards/reference.ts";
import type { Reward } from "../rewards/reward.ts";
import { decodedEdit } from "../rollout/score-group.ts";
import { rewardOf, type ScoredGroup } from "../rollout/scored-group.ts";
import type { Metrics } from "../runs/metrics.ts";
import type { Stage, Step } from "./stage.ts";

const NAMES = {
  unchanged: "monitor/unchanged",
  sourceDistance: "monitor/source_distance",
  codeEntropy: "monitor/code_entropy",
  colourVarianceRatio: "monitor/colour_variance_ratio",
  flatGroups: "monitor/flat_groups",
  repeated: "monitor/repeated",
  disagreement: "monitor/disagreement",
} as const satisfies Record<keyof MonitorFigures, keyof Metrics>;

/** The figures of the groups as they were drawn; what is out of the ordinary is recorded as a warning. */
export async function watchHacking(
  { run, name: stage }: Stage,
  { index, signal }: Pick<Step, "index" | "signal">,
  groups: readonly ScoredGroup[],
  { reward, monitors }: { readonly reward: Reward; readonly monitors: MonitorSettings },
): Promise<Metrics> {
  const figures = monitorFigures(await Promise.all(groups.map((group) => monitored(group, reward, signal))));
  for (const warning of monitorWarnings(figures, monitors)) {
    run.recorder.record({ kind: "warning", stage, step: index + 1, ...warning });
  }
  return Object.fromEntries(
    Object.entries(figures).map(([figure, value]) => [NAMES[figure as keyof MonitorFigures], value]),
  );
}

async function monitored(group: ScoredGroup, reward: Reward, signal: AbortSignal): Promise<MonitoredGroup> {
  const { edit, completions } = group;
  return {
    completions: completions.map(({ ids }) => ids),
    edits: completions.flatMap(({ picture, codes }) =>
      picture === undefined
        ? []
        : [{ source: edit.source, edited: picture, ...(codes !== undefined && { codes: codes.codes }) }],
    ),
    rewards: scoredRewards(completions.map(rewardOf)),
    opinions: reward.name === referenceReward.name ? [] : await opinions(group, signal),
  };
}

/** What the judge and the target say of the same pictures, where there is a target to ask. */
async function opinions(
  { edit, completions }: ScoredGroup,
  signal: AbortSignal,
): Promise<{ judge: number; reference: number }[]> {
  if (edit.target === undefined) return [];
  const judged = completions.flatMap(({ picture, verdict }) =>
    picture !== undefined && verdict.kind === "scored" ? [{ picture, judge: verdict.score }] : [],
  );
  const verdicts = await referenceReward.score(
    judged.map(({ picture }) => decodedEdit(edit, picture)),
    { signal },
  );
  return judged.flatMap(({ judge }, index) => {
    const verdict = verdicts[index]!;
    return verdict.kind === "scored" ? [{ judge, reference: verdict.score }] : [];
  });
}
