/** What the run warned of: signs that rewards were won without editing, outages of the judge, rows left out. */

import type { RunEvent } from "../runs/event.ts";
import { plural } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { RunRecord } from "./read-run.ts";

type Warning = Extract<RunEvent, { kind: "warning" }>;

/** The section, undefined where nothing was out of the ordinary. */
export function warningsSection({ events }: RunRecord): Html | undefined {
  const warnings = events.filter((event) => event.kind === "warning");
  const pauses = events.filter((event) => event.kind === "run-paused");
  const items = [
    ...byFigure(warnings).map(warningItem),
    ...pauses.map(({ reason }) => html`<li>Paused: ${reason}</li>`),
  ];
  if (items.length === 0) return undefined;
  return html`<section id="warnings">
    <h2>Warnings</h2>
    <p class="note">Signs, not proofs: look at the groups of these steps.</p>
    <ul>
      ${items}
    </ul>
  </section>`;
}

function byFigure(warnings: readonly Warning[]): Warning[][] {
  const figures = new Map<string, Warning[]>();
  for (const warning of warnings) {
    const same = figures.get(warning.figure);
    if (same === undefined) figures.set(warning.figure, [warning]);
    else same.push(warning);
  }
  return [...figures.values()];
}

/** One figure, with the steps it was out of bounds in and what it said last. */
function warningItem(warnings: readonly Warning[]): Html {
  const [first, last] = [warnings[0]!, warnings.at(-1)!];
  const steps = first === last ? `step ${first.step}` : `steps ${first.step} to ${last.step}`;
  return html`<li>${last.message} (${steps}, ${plural(warnings.length, "warning")})</li>`;
}
