/**
 * The top of the report: what came out, in one sentence made from the evaluated arms, and what it took (seed,
 * steps, wall time). No arms, no sentence: the report does not guess.
 */

import type { ArmResult, LoggedMeasure } from "../runs/arm-result.ts";
import { STAGES, type Stage } from "../runs/event.ts";
import { distinct } from "./arm-names.ts";
import { written } from "./arms-table.ts";
import { counted, duration, fixed, percent } from "./format.ts";
import { html, type Html } from "./html.ts";
import { eventsOf, resultTables, type ResultTable, type RunRecord } from "./read-run.ts";

const STAGE_NAMES: Readonly<Record<Stage, string>> = { sft: "SFT", grpo: "GRPO" };

interface Interval {
  readonly low: number;
  readonly high: number;
}

function areApart(a: Interval, b: Interval): boolean {
  return a.high < b.low || b.high < a.low;
}

function decodingWords(decoding: string): string {
  return decoding === "greedy" ? "with greedy decoding" : `at ${decoding}`;
}

/** The main result in one plain sentence, from the rows over all edits; undefined where no policy was evaluated. */
export function mainResult(table: ResultTable): string | undefined {
  const [main] = table.measures;
  if (main === undefined) return undefined;
  const overall = table.results.filter(
    ({ task, figures }) => task === "all" && figures[main.name] !== undefined,
  );
  const policies = overall.filter(({ role }) => role !== "copy");
  const trained = policies.filter(({ role }) => role === "rl");
  const shown = trained.find(({ decoding }) => decoding === "temperature 1") ?? trained[0];
  const before = policies.find(({ role, decoding }) => role === "policy" && decoding === shown?.decoding);
  if (shown !== undefined && before !== undefined) return changeSentence(table.measures, before, shown);

  const only = policies.find(({ decoding }) => decoding === "temperature 1") ?? policies[0];
  if (only === undefined) return undefined;
  const copy = overall.find(({ role }) => role === "copy")?.figures[main.name];
  const floor =
    copy === undefined ? "" : `; copying the source unchanged reaches ${written(main, copy.mean)}`;
  const { mean, low, high } = only.figures[main.name]!;
  return (
    `${only.arm} reaches a mean ${main.label} of ${written(main, mean)} ${decodingWords(only.decoding)} ` +
    `(95 % interval ${written(main, low)} to ${written(main, high)})${floor}.`
  );
}

/** Both rows have a figure of the first measure. */
function changeSentence(
  [main, ...others]: readonly LoggedMeasure[],
  before: ArmResult,
  after: ArmResult,
): string {
  const [from, to] = [before.figures[main!.name]!, after.figures[main!.name]!];
  const name = `the mean ${main!.label} ${decodingWords(after.decoding)}`;
  const rest = others.flatMap((measure) => changeWords(measure, before, after) ?? []);
  const more = rest.length === 0 ? "" : `; ${rest.join(", ")}`;
  if (!areApart(from, to)) {
    return (
      `RL made no clear difference: ${name} is ${written(main!, to.mean)} after it and ${written(main!, from.mean)} before ` +
      `(95 % intervals overlap)${more}.`
    );
  }
  const verb = to.mean > from.mean ? "lifted" : "lowered";
  return `RL ${verb} ${name} from ${written(main!, from.mean)} to ${written(main!, to.mean)} (95 % intervals apart)${more}.`;
}

/** "exact match went from 45 % to 70 %". */
function changeWords(measure: LoggedMeasure, before: ArmResult, after: ArmResult): string | undefined {
  const [from, to] = [before.figures[measure.name], after.figures[measure.name]];
  if (from === undefined || to === undefined) return undefined;
  const short = (value: number): string => (measure.unit === "share" ? percent(value) : fixed(value, 2));
  return `${measure.label} went from ${short(from.mean)} to ${short(to.mean)}`;
}

/** What each stage did: steps taken, steps planned, why it ended. */
export function stageSummaries(run: RunRecord): string[] {
  return STAGES.flatMap((stage) => {
    const planned = eventsOf(run, "stage-start").findLast((event) => event.stage === stage)?.steps;
    const end = eventsOf(run, "stage-end").findLast((event) => event.stage === stage);
    const last = end?.step ?? eventsOf(run, "step-end").findLast((event) => event.stage === stage)?.step;
    if (planned === undefined && last === undefined) return [];
    const taken = last ?? 0;
    const plan = planned === undefined || planned === taken ? "" : ` of ${counted(planned)}`;
    const ending =
      end === undefined ? ", not finished" : end.reason === "early-stop" ? stoppedEarly(end.why) : "";
    return [`${STAGE_NAMES[stage]} ${counted(taken)}${plan} steps${ending}`];
  });
}

function stoppedEarly(why: string | undefined): string {
  return `, stopped early${why === undefined ? "" : ` (${why})`}`;
}

/** Wall time in seconds, without the gap between a kill and the run-start that resumed it. */
export function wallSeconds(run: RunRecord): number {
  let milliseconds = 0;
  for (const [index, event] of run.events.entries()) {
    const previous = run.events[index - 1];
    if (previous === undefined || event.kind === "run-start") continue;
    milliseconds += Math.max(0, event.time - previous.time);
  }
  return milliseconds / 1000;
}

/** The header: run name, main result, facts. */
export function headline(run: RunRecord): Html {
  const [table] = resultTables(run);
  const sentence = table === undefined ? undefined : mainResult(table);
  const seeds = distinct(eventsOf(run, "run-start").map((event) => String(event.seed)));
  const edits = Math.max(0, ...(table?.results ?? []).map(({ count }) => count));
  const facts: [string, string][] = [
    [seeds.length > 1 ? "Seeds" : "Seed", seeds.join(", ") || "unknown"],
    ["Training", stageSummaries(run).join(" · ") || "no step yet"],
    ["Wall time", duration(wallSeconds(run))],
  ];
  if (edits > 0) facts.push(["Held-out edits", counted(edits)]);
  return html`<header class="top">
    <p class="eyebrow">earl · run report</p>
    <h1>${distinct(run.names).join(" → ")}</h1>
    ${sentence !== undefined && html`<p class="lead">${sentence}</p>`}
    <dl class="facts">
      ${facts.map(
        ([term, fact]) =>
          html`<div>
            <dt>${term}</dt>
            <dd>${fact}</dd>
          </div>`,
      )}
    </dl>
  </header>`;
}
