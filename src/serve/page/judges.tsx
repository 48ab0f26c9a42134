/** How the judges do: what they were asked, what failed, how long they took. */

import type { JSX } from "preact";

import type { RunSummary } from "../messages.ts";
import { Chart } from "./chart.tsx";
import { figure, stageName } from "./figures.ts";
import type { FollowedRun } from "./followed-run.ts";
import { WhenSeen } from "./when-seen.tsx";

export function Judges({
  run,
  summary,
}: {
  readonly run: FollowedRun;
  readonly summary: RunSummary;
}): JSX.Element {
  const { judges, stages } = summary;
  const isJudging = (metric: string): boolean =>
    metric.startsWith("judge/") || metric.startsWith("time/judg");
  return (
    <>
      {judges.length === 0 ? (
        <p class="soft">No reward has judged anything yet.</p>
      ) : (
        <div class="scroll" tabIndex={0} role="group" aria-label="What judges did">
          <table>
            <thead>
              <tr>
                <th scope="col">reward</th>
                <th scope="col">verdicts</th>
                <th scope="col">failed</th>
                <th scope="col">mean time</th>
              </tr>
            </thead>
            <tbody>
              {judges.map(({ reward, calls, failed, seconds }) => (
                <tr key={reward}>
                  <th scope="row">{reward}</th>
                  <td>{figure(calls)}</td>
                  <td class={failed > 0 ? "bad" : ""}>
                    {figure(failed)} <small>{((100 * failed) / Math.max(1, calls)).toFixed(1)} %</small>
                  </td>
                  <td>{seconds < 0.1 ? `${(1000 * seconds).toFixed(1)} ms` : `${seconds.toFixed(2)} s`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {summary.paused !== undefined && <p class="alert">The run waits: {summary.paused}</p>}
      {stages.map(({ stage, metrics }) => {
        const shown = metrics.filter(isJudging);
        return shown.length === 0 ? null : (
          <section key={stage}>
            <h2>{stageName(stage)}</h2>
            <div class="charts">
              {shown.map((metric) => (
                <WhenSeen key={metric}>
                  <Chart stage={stage} metric={metric} run={run} others={[]} smoothing={0} />
                </WhenSeen>
              ))}
            </div>
          </section>
        );
      })}
    </>
  );
}
