/**
 * The result: what each arm scored on held-out edits, overall and by edit type, with 95 % intervals drawn beside the
 * numbers. All bars of a table share one scale, so that they can be compared by eye.
 */

import type { ArmResult } from "../runs/event.ts";
import { armClass, distinct, isCopyArm } from "./arm-names.ts";
import { counted, fixed, percent, plural } from "./format.ts";
import { html, type Html } from "./html.ts";
import { armResults, type RunRecord } from "./read-run.ts";

type Estimate = ArmResult["reward"];

/** The end of the reward axis: 1, 10 or 100, the first that holds every mean. Intervals are cut off there. */
export function rewardScale(results: readonly ArmResult[]): number {
  const highest = Math.max(0, ...results.map((result) => result.reward.mean));
  return [1, 10, 100].find((end) => highest <= end) ?? highest;
}

/** A place on an axis from 0 to `end`, in percent of its length, kept inside. */
function place(value: number, end: number): string {
  return `${Math.min(100, Math.max(0, (value / end) * 100)).toFixed(2)}%`;
}

function intervalStyle({ mean, low, high }: Estimate, end: number): string {
  return `--mean:${place(mean, end)};--low:${place(low, end)};--high:${place(high, end)}`;
}

function estimateCell(estimate: Estimate, end: number, write: (value: number) => string): Html {
  return html`<td class="estimate">
    <b>${write(estimate.mean)}</b>
    <small>${write(estimate.low).replace(" %", "")} to ${write(estimate.high)}</small>
    <span class="bar" style="${intervalStyle(estimate, end)}" aria-hidden="true"></span>
  </td>`;
}

function overallTable(overall: readonly ArmResult[], arms: readonly string[]): Html {
  const end = rewardScale(overall);
  return html`<div class="scroll" role="region" aria-label="Results over all held-out edits" tabindex="0">
    <table class="arms">
      <thead>
        <tr>
          <th scope="col">Arm</th>
          <th scope="col">Mean reward <small>0 to ${end}</small></th>
          <th scope="col">Exact match</th>
        </tr>
      </thead>
      <tbody>
        ${overall.map(
          (result) =>
            html`<tr class="${armClass(result.arm, arms)}">
              <th scope="row">
                <span class="swatch" aria-hidden="true"></span>${result.arm}
                <small>${result.decoding === "—" ? "no policy" : result.decoding}</small>
                ${result.failed > 0 && html`<small class="bad">${counted(result.failed)} not scored</small>`}
              </th>
              ${estimateCell(result.reward, end, (value) => fixed(value, 2))}
              ${estimateCell(result.exactMatch, 1, (value) => percent(value, 1))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function strip(row: readonly (ArmResult | undefined)[], arms: readonly string[], end: number): Html {
  return html`<td class="strip-cell" aria-hidden="true">
    <span class="strip">
      ${row.flatMap((result) =>
        result === undefined
          ? []
          : [
              html`<i
                class="${armClass(result.arm, arms)}"
                style="${intervalStyle(result.reward, end)}"
              ></i>`,
            ],
      )}
    </span>
  </td>`;
}

/** One row an edit type, one column an arm, for one way of decoding. The copied source stands beside every one. */
function taskTable(results: readonly ArmResult[], decoding: string, arms: readonly string[]): Html {
  const shown = results.filter((result) => result.decoding === decoding || isCopyArm(result.arm));
  const columns = arms.filter((arm) => shown.some((result) => result.arm === arm));
  const tasks = distinct(shown.map((result) => result.task)).filter((task) => task !== "all");
  const end = rewardScale(results);
  const rows = tasks.map((task) => {
    const row = columns.map((arm) => shown.find((result) => result.task === task && result.arm === arm));
    const count = Math.max(0, ...row.map((result) => result?.count ?? 0));
    return html`<tr>
      <th scope="row">${task}<small>${plural(count, "edit")}</small></th>
      ${strip(row, arms, end)}
      ${row.map((result) =>
        result === undefined
          ? html`<td>—</td>`
          : html`<td>
              <b>${fixed(result.reward.mean, 2)}</b>
              <small>${fixed(result.reward.low, 2)} to ${fixed(result.reward.high, 2)}</small>
              <small>${percent(result.exactMatch.mean)} exact</small>
            </td>`,
      )}
    </tr>`;
  });
  return html`<div class="scroll" role="region" aria-label="Results by edit type, ${decoding}" tabindex="0">
    <table class="tasks">
      <thead>
        <tr>
          <th scope="col">Edit type</th>
          <th scope="col" class="strip-cell">Reward <small>0 to ${end}</small></th>
          ${columns.map(
            (arm) =>
              html`<th scope="col" class="${armClass(arm, arms)}">
                <span class="swatch" aria-hidden="true"></span>${arm}
              </th>`,
          )}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** The result tables, undefined where no arm was evaluated. */
export function armsSection(run: RunRecord): Html | undefined {
  const results = armResults(run);
  if (results.length === 0) return undefined;
  const arms = distinct(results.map((result) => result.arm));
  const overall = results.filter((result) => result.task === "all");
  const byTask = results.filter((result) => result.task !== "all");
  const decodings = distinct(
    byTask.filter((result) => !isCopyArm(result.arm)).map(({ decoding }) => decoding),
  );
  const [first, ...others] = decodings;
  return html`<section id="results">
    <h2>Result</h2>
    <p class="note">Held-out edits, the same for every arm. Whiskers and ranges are 95 % intervals.</p>
    ${overall.length > 0 && overallTable(overall, arms)}
    ${
      first !== undefined &&
      html`<h3>By edit type, ${first}</h3>
        ${taskTable(byTask, first, arms)}
        ${others.map(
          (decoding) =>
            html`<details>
              <summary>By edit type, ${decoding}</summary>
              ${taskTable(byTask, decoding, arms)}
            </details>`,
        )}`
    }
  </section>`;
}
