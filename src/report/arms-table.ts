/**
 * The result: what each arm scored on a benchmark, overall and by edit type, with 95 % intervals drawn beside the
 * numbers. All bars of a column share one scale, so that they can be compared by eye. Columns are the measures that
 * the run declared.
 */

import type { ArmResult, LoggedMeasure } from "../runs/arm-result.ts";
import { armClass, distinct } from "./arm-names.ts";
import { counted, fixed, percent, plural, tick } from "./format.ts";
import { html, type Html } from "./html.ts";
import { resultTables, type ResultTable, type RunRecord } from "./read-run.ts";

type Figure = ArmResult["figures"][string];
type Axis = readonly [low: number, high: number];

/**
 * The ends of a measure's axis: its own range, or else 0 and the first of 1, 10 and 100 that holds every mean.
 * Intervals are cut off there.
 */
export function axisOf({ name, range }: LoggedMeasure, results: readonly ArmResult[]): Axis {
  if (range !== undefined) return range;
  const means = results.flatMap(({ figures }) => figures[name]?.mean ?? []);
  const highest = Math.max(0, ...means);
  return [Math.min(0, ...means), [1, 10, 100].find((end) => highest <= end) ?? highest];
}

/** A figure's value as the report writes it. */
export function written({ unit }: LoggedMeasure, value: number): string {
  return unit === "share" ? percent(value, 1) : fixed(value, 2);
}

/** A place on an axis, in percent of its length, kept inside. */
function place(value: number, [low, high]: Axis): string {
  return `${Math.min(100, Math.max(0, ((value - low) / (high - low)) * 100)).toFixed(2)}%`;
}

function intervalStyle({ mean, low, high }: Figure, axis: Axis): string {
  return `--mean:${place(mean, axis)};--low:${place(low, axis)};--high:${place(high, axis)}`;
}

function figureCell(measure: LoggedMeasure, figure: Figure | undefined, axis: Axis): Html {
  if (figure === undefined) return html`<td>—</td>`;
  const { mean, low, high } = figure;
  return html`<td class="estimate">
    <b>${written(measure, mean)}</b>
    <small>${written(measure, low).replace(" %", "")} to ${written(measure, high)}</small>
    <span class="bar" style="${intervalStyle(figure, axis)}" aria-hidden="true"></span>
  </td>`;
}

function measureHead({ label, unit }: LoggedMeasure, [low, high]: Axis): Html {
  if (unit === "share") return html`<th scope="col">${label.charAt(0).toUpperCase()}${label.slice(1)}</th>`;
  return html`<th scope="col">Mean ${label} <small>${tick(low)} to ${tick(high)}</small></th>`;
}

function overallTable({ measures, results }: ResultTable): Html {
  const overall = results.filter((result) => result.task === "all");
  const columns = measures.map((measure) => ({ measure, axis: axisOf(measure, overall) }));
  return html`<div class="scroll" role="region" aria-label="Results over all edits" tabindex="0">
    <table class="arms">
      <thead>
        <tr>
          <th scope="col">Arm</th>
          ${columns.map(({ measure, axis }) => measureHead(measure, axis))}
        </tr>
      </thead>
      <tbody>
        ${overall.map(
          (result) =>
            html`<tr class="${armClass(result, results)}">
              <th scope="row">
                <span class="swatch" aria-hidden="true"></span>${result.arm}
                <small>${result.role === "copy" ? "no policy" : result.decoding}</small>
                ${result.failed > 0 && html`<small class="bad">${counted(result.failed)} not scored</small>`}
              </th>
              ${columns.map(({ measure, axis }) => figureCell(measure, result.figures[measure.name], axis))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

interface TaskTable {
  readonly table: ResultTable;
  readonly main: LoggedMeasure;
  readonly axis: Axis;
}

type Row = readonly (ArmResult | undefined)[];

function strip(row: Row, { table, main, axis }: TaskTable): Html {
  return html`<td class="strip-cell" aria-hidden="true">
    <span class="strip">
      ${row.flatMap((result) => {
        const figure = result?.figures[main.name];
        if (result === undefined || figure === undefined) return [];
        return [
          html`<i class="${armClass(result, table.results)}" style="${intervalStyle(figure, axis)}"></i>`,
        ];
      })}
    </span>
  </td>`;
}

function taskCell(result: ArmResult | undefined, { table, main }: TaskTable): Html {
  const figure = result?.figures[main.name];
  if (result === undefined || figure === undefined) return html`<td>—</td>`;
  return html`<td>
    <b>${written(main, figure.mean)}</b>
    <small>${written(main, figure.low)} to ${written(main, figure.high)}</small>
    ${table.measures.map((measure) => {
      const other = result.figures[measure.name];
      if (measure.name === main.name || other === undefined) return "";
      const value = measure.unit === "share" ? percent(other.mean) : fixed(other.mean, 2);
      return html`<small>${value} ${measure.label}</small>`;
    })}
  </td>`;
}

/** One row an edit type, one column an arm, for one way of decoding. The copied source stands beside every one. */
function taskTable(shape: TaskTable, decoding: string): Html {
  const { table, main, axis } = shape;
  const shown = table.results.filter(
    (result) => result.task !== "all" && (result.decoding === decoding || result.role === "copy"),
  );
  const arms = distinct(shown.map((result) => result.arm));
  const rows = distinct(shown.map((result) => result.task)).map((task) => {
    const row = arms.map((arm) => shown.find((result) => result.task === task && result.arm === arm));
    const count = Math.max(0, ...row.map((result) => result?.count ?? 0));
    return html`<tr>
      <th scope="row">${task}<small>${plural(count, "edit")}</small></th>
      ${strip(row, shape)} ${row.map((result) => taskCell(result, shape))}
    </tr>`;
  });
  const heads = arms.map((arm) => shown.find((result) => result.arm === arm)!);
  return html`<div class="scroll" role="region" aria-label="Results by edit type, ${decoding}" tabindex="0">
    <table class="tasks">
      <thead>
        <tr>
          <th scope="col">Edit type</th>
          <th scope="col" class="strip-cell">
            ${main.label.charAt(0).toUpperCase()}${main.label.slice(1)}
            <small>${tick(axis[0])} to ${tick(axis[1])}</small>
          </th>
          ${heads.map(
            (head) =>
              html`<th scope="col" class="${armClass(head, table.results)}">
                <span class="swatch" aria-hidden="true"></span>${head.arm}
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

function byTask(table: ResultTable): Html | undefined {
  const [main] = table.measures;
  const own = table.results.filter((result) => result.task !== "all");
  const [first, ...others] = distinct(
    own.filter(({ role }) => role !== "copy").map(({ decoding }) => decoding),
  );
  if (main === undefined || first === undefined) return undefined;
  const shape = { table, main, axis: axisOf(main, own) };
  return html`<h3>By edit type, ${first}</h3>
    ${taskTable(shape, first)}
    ${others.map(
      (decoding) =>
        html`<details>
          <summary>By edit type, ${decoding}</summary>
          ${taskTable(shape, decoding)}
        </details>`,
    )}`;
}

/** The result tables, undefined where no arm was evaluated. */
export function armsSection(run: RunRecord): Html | undefined {
  const tables = resultTables(run);
  if (tables.length === 0) return undefined;
  return html`<section id="results">
    <h2>Result</h2>
    <p class="note">Held-out edits, the same for every arm. Whiskers and ranges are 95 % intervals.</p>
    ${tables.map(
      (table) =>
        html`${tables.length > 1 && html`<h3>Benchmark ${table.benchmark}</h3>`} ${overallTable(table)}
        ${byTask(table)}`,
    )}
  </section>`;
}
