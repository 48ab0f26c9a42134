/** How a run stands: stages, what goes on, what somebody should look at, and the tables of its benchmarks. */

import type { JSX } from "preact";

import type { RunSummary, StageSummary } from "../messages.ts";
import { ArmsTable } from "./arms-table.tsx";
import { duration, figure, stageName } from "./figures.ts";
import { addressOf } from "./route.ts";
import { State } from "./run-list.tsx";

/** What is shown of a stage, where it was logged. */
const HEADLINES = [
  "reward",
  "eval/reward",
  "exact_match",
  "eval/exact_match",
  "loss",
  "loss/validation",
  "entropy",
  "kl",
  "grad_norm",
];

export function Overview({ summary }: { readonly summary: RunSummary }): JSX.Element {
  const { state, secondsLeft, stages, doing, paused, warnings, notices, noticeCount, tables } = summary;
  return (
    <>
      <p class="lead" aria-live="polite">
        <State state={state} />{" "}
        {secondsLeft !== undefined && <>about {duration(secondsLeft)} of this stage left. </>}
        {doing !== undefined && <span class="soft">{doing}</span>}
        {summary.isReading && <span class="soft"> Reading: {figure(summary.events)} events so far.</span>}
      </p>
      {paused !== undefined && (
        <p class="alert" role="alert">
          The run waits: {paused}
        </p>
      )}
      {stages.length === 0 && <p class="soft">No stage has begun.</p>}
      <div class="stages">
        {stages.map((stage) => (
          <Stage key={stage.stage} stage={stage} />
        ))}
      </div>
      {warnings.length > 0 && (
        <section>
          <h2>Warnings</h2>
          <ul class="warnings">
            {warnings.toReversed().map((warning, at) => (
              <li key={`${warning.step} ${warning.figure} ${at}`}>
                {stageName(warning.stage)} step {warning.step}: {warning.message}{" "}
                <span class="soft">
                  ({warning.figure} {figure(warning.value)}, limit {figure(warning.limit)})
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {tables.map((table, at) => (
        <section key={at}>
          <h2>
            {table.results[0]?.benchmark === "held-out"
              ? "Held-out edits"
              : (table.results[0]?.benchmark ?? "Results")}
          </h2>
          <ArmsTable table={table} />
        </section>
      ))}
      {noticeCount > 0 && (
        <section>
          <h2>Rows left out</h2>
          <p class="soft">{figure(noticeCount)} rows could not be read; the newest:</p>
          <ul>
            {notices.toReversed().map((notice, at) => (
              <li key={at}>{notice}</li>
            ))}
          </ul>
        </section>
      )}
      <p>
        <a href={addressOf({ run: summary.id, view: "curves" })}>All curves</a>
        {" · "}
        <a href={addressOf({ run: summary.id, view: "gallery" })}>Groups</a>
      </p>
    </>
  );
}

function Stage({ stage }: { readonly stage: StageSummary }): JSX.Element {
  const { step, steps, ended, why, newest, bestStep } = stage;
  const name = stageName(stage.stage);
  const shown = HEADLINES.filter((metric) => newest[metric] !== undefined);
  return (
    <section class="card">
      <h2>
        {name}{" "}
        <small>
          {step}
          {steps !== undefined && <> of {steps}</>} steps
          {ended === "early-stop" && `, stopped early${why === undefined ? "" : `: ${why}`}`}
        </small>
      </h2>
      {steps !== undefined && steps > 0 && (
        <progress aria-label={`${name}, steps`} max={steps} value={step} />
      )}
      <dl class="figures">
        {shown.map((metric) => (
          <div key={metric}>
            <dt>{metric}</dt>
            <dd>{figure(newest[metric])}</dd>
          </div>
        ))}
        {bestStep !== undefined && (
          <div>
            <dt>best step</dt>
            <dd>{bestStep}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}
