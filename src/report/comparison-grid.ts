/**
 * Held-out edits as rows of pictures: source, instruction, target, and what each arm made of it. Wrong ones are
 * marked by a frame and a sign, never by colour alone.
 */

import type { LoggedCompletion } from "../runs/event.ts";
import { albumImage, type Album } from "./album.ts";
import { distinct } from "./arm-names.ts";
import { fixed, plural } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Comparison } from "./read-run.ts";

/** Rows shown before the fold. */
const SHOWN = 24;
/** Rows in the report at all: a thousand pictures would make the page slow and say nothing more. */
const MOST = 120;

/** Rows in turn from each edit type, so that the first few show all of them; within a type in the logged order. */
export function byTurns<Row extends { readonly task: string }>(rows: readonly Row[]): Row[] {
  const queues = distinct(rows.map((row) => row.task)).map((task) => rows.filter((row) => row.task === task));
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  return Array.from({ length: longest }, (_, turn) => queues.flatMap((queue) => queue[turn] ?? [])).flat();
}

/** The comparisons that the report shows, in the order shown. */
export function shownComparisons(rows: readonly Comparison[]): Comparison[] {
  return byTurns(rows).slice(0, MOST);
}

/** Every picture of a comparison. */
export function comparisonPictures(row: Comparison): string[] {
  return [row.source, row.target, ...row.arms.map((arm) => arm.image)].filter((path) => path !== undefined);
}

/** Why a completion has no score, with whose fault that was. */
export function failureWords({ verdict, problem }: LoggedCompletion): string {
  return [verdict, problem].filter((word) => word !== undefined && word !== "").join(": ") || "not scored";
}

/** How a completion did, in words short enough for a caption. */
export function outcome(completion: LoggedCompletion): { readonly kind: string; readonly text: string } {
  if (completion.problem !== undefined) return { kind: "failed", text: failureWords(completion) };
  const reward = completion.reward === undefined ? "" : ` ${fixed(completion.reward, 1)}`;
  if (completion.isExact === true) return { kind: "right", text: `✓${reward}` };
  if (completion.isExact === false) return { kind: "wrong", text: `✗${reward}` };
  return { kind: "plain", text: reward.trim() || "not scored" };
}

const OUTCOME_WORDS: Readonly<Record<string, string>> = { right: "exact", wrong: "not exact" };

function armFigure(row: Comparison, arm: Comparison["arms"][number], album: Album): Html {
  const { kind, text } = outcome(arm);
  const words = OUTCOME_WORDS[kind] ?? text;
  const reward = arm.reward === undefined ? "" : `, reward ${fixed(arm.reward, 1)}`;
  return html`<figure class="pic ${kind}">
    ${albumImage(album, arm.image, `${arm.arm}: ${row.instruction} (${words}${reward})`)}
    <figcaption>${arm.arm} <b title="${words}">${text}</b></figcaption>
  </figure>`;
}

/** One row: an article that is a line of five cells when wide and a card when narrow. */
export function comparisonRow(row: Comparison, album: Album): Html {
  return html`<article class="row" data-task="${row.task}">
    <p class="instruction"><span class="tag">${row.task}</span> ${row.instruction}</p>
    <figure class="pic source">
      ${albumImage(album, row.source, `Source of: ${row.instruction}`)}
      <figcaption>source</figcaption>
    </figure>
    ${
      row.target !== undefined &&
      html`<figure class="pic">
        ${albumImage(album, row.target, `Target of: ${row.instruction}`)}
        <figcaption>target</figcaption>
      </figure>`
    }
    ${row.arms.map((arm) => armFigure(row, arm, album))}
  </article>`;
}

function taskFilter(tasks: readonly string[]): Html | false {
  return (
    tasks.length > 1 &&
    html`<p class="filter" hidden>
      <label
        >Edit type
        <select id="task-filter">
          <option value="">all</option>
          ${tasks.map((task) => html`<option>${task}</option>`)}
        </select></label
      >
    </p>`
  );
}

/** The grid, undefined where no comparison was logged. `total` counts the logged ones. */
export function comparisonSection(
  rows: readonly Comparison[],
  total: number,
  album: Album,
): Html | undefined {
  if (rows.length === 0) return undefined;
  const [first, rest] = [rows.slice(0, SHOWN), rows.slice(SHOWN)];
  const left = total - rows.length;
  return html`<section id="comparisons">
    <h2>Held-out edits</h2>
    <p class="note">
      ✓ equals the target in every code, ✗ does not; the number is the reward. Edit types take turns, nothing
      is picked by score.${left > 0 && ` ${plural(left, "more row")} in the run's events.`}
    </p>
    ${taskFilter(distinct(rows.map((row) => row.task)))}
    <div class="rows">${first.map((row) => comparisonRow(row, album))}</div>
    ${
      rest.length > 0 &&
      html`<details class="more">
        <summary>${plural(rest.length, "more edit")}</summary>
        <div class="rows">${rest.map((row) => comparisonRow(row, album))}</div>
      </details>`
    }
  </section>`;
}
