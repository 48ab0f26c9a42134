/** Every metric that the run logged: the ones people watch first, the others when they are wanted. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import type { RunCard, RunSummary } from "../messages.ts";
import { Chart } from "./chart.tsx";
import { stageName } from "./figures.ts";
import type { FollowedRun } from "./followed-run.ts";
import { WhenSeen } from "./when-seen.tsx";

interface CurvesProps {
  readonly run: FollowedRun;
  readonly summary: RunSummary;
  readonly cards: readonly RunCard[];
  /** Metrics that are shown; all unless given. */
  readonly only?: (metric: string) => boolean;
}

/** Metrics by the question they answer, the first group open. */
const GROUPS: readonly (readonly [title: string, belongs: (metric: string) => boolean])[] = [
  [
    "Does it learn?",
    (metric) => /^(?:reward|reward_std|loss|exact_match|frac_reward_zero_std)$|^(?:eval|loss)\//.test(metric),
  ],
  ["Rewards by part", (metric) => metric.startsWith("rewards/")],
  [
    "Is the policy healthy?",
    (metric) => /^(?:entropy|kl|grad_norm|clip_ratio|sampling|completions|monitor)/.test(metric),
  ],
  ["Judges", (metric) => metric.startsWith("judge/") || metric.startsWith("time/judg")],
  ["Time and work", () => true],
];

export function Curves({ run, summary, cards }: CurvesProps): JSX.Element {
  const [smoothing, setSmoothing] = useState(0);
  const [others, setOthers] = useState<readonly string[]>([]);
  const [search, setSearch] = useState("");
  const beside = cards.filter(({ id }) => id !== summary.id);
  return (
    <>
      <div class="controls">
        <label>
          Smoothing{" "}
          <input
            type="range"
            min="0"
            max="0.98"
            step="0.02"
            value={smoothing}
            onInput={(event) => setSmoothing(Number(event.currentTarget.value))}
          />{" "}
          <output>{smoothing === 0 ? "none" : smoothing.toFixed(2)}</output>
        </label>
        <label>
          Find{" "}
          <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        {beside.length > 0 && (
          <fieldset>
            <legend>Lay over</legend>
            {beside.map(({ id }) => (
              <label key={id}>
                <input
                  type="checkbox"
                  checked={others.includes(id)}
                  onChange={(event) => {
                    const { checked } = event.currentTarget;
                    setOthers((before) => (checked ? [...before, id] : before.filter((one) => one !== id)));
                  }}
                />{" "}
                {id}
              </label>
            ))}
          </fieldset>
        )}
      </div>
      {summary.stages.toReversed().map(({ stage, metrics, evaluations }) => {
        const names = [...new Set([...metrics, ...evaluations])].filter((name) => name.includes(search));
        return (
          <section key={stage}>
            <h2>{stageName(stage)}</h2>
            {grouped(names).map(({ title, members }, at) => (
              <details key={title} open={at === 0 || search !== ""}>
                <summary>
                  {title} <span class="soft">{members.length}</span>
                </summary>
                <div class="charts">
                  {members.map((metric) => (
                    <WhenSeen key={metric}>
                      <Chart stage={stage} metric={metric} run={run} others={others} smoothing={smoothing} />
                    </WhenSeen>
                  ))}
                </div>
              </details>
            ))}
          </section>
        );
      })}
    </>
  );
}

function grouped(names: readonly string[]): { title: string; members: string[] }[] {
  const left = new Set(names);
  return GROUPS.map(([title, belongs]) => {
    const members = [...left].filter(belongs);
    for (const name of members) left.delete(name);
    return { title, members };
  }).filter(({ members }) => members.length > 0);
}
