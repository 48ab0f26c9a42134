/**
 * The top of the report: what came out, in one sentence made from the evaluated arms, and what it took (seed,
 * steps, wall time). No arms, no sentence: the report does not guess.
 */

import { STAGES, type ArmResult, type Stage } from "../runs/event.ts";
import { distinct, isCopyArm, isRlArm } from "./arm-names.ts";
import { counted, duration, fixed, percent } from "./format.ts";
import { html, type Html } from "./html.ts";
import { armResults, eventsOf, type RunRecord } from "./read-run.ts";

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
export function mainResult(results: readonly ArmResult[]): string | undefined {
  const overall = results.filter((result) => result.task === "all");
  const policies = overall.filter((result) => !isCopyArm(result.arm));
  const trained = policies.filter((result) => isRlArm(result.arm));
  const shown = trained.find((result) => result.decoding === "temperature 1") ?? trained[0];
  const before = policies.find((result) => !isRlArm(result.arm) && result.decoding === shown?.decoding);
  if (shown !== undefined && before !== undefined) return changeSentence(before, shown);

  const only = policies.find((result) => result.decoding === "temperature 1") ?? policies[0];
  if (only === undefined) return undefined;
  const copy = overall.find((result) => isCopyArm(result.arm));
  const floor =
    copy === undefined ? "" : `; copying the source unchanged reaches ${fixed(copy.reward.mean, 2)}`;
  const { mean, low, high } = only.reward;
  return (
    `${only.arm} reaches a mean reward of ${fixed(mean, 2)} ${decodingWords(only.decoding)} ` +
    `(95 % interval ${fixed(low, 2)} to ${fixed(high, 2)})${floor}.`
  );
}

function changeSentence(before: ArmResult, after: ArmResult): string {
  const apart = areApart(before.reward, after.reward);
  const from = fixed(before.reward.mean, 2);
  const to = fixed(after.reward.mean, 2);
  const exact = `exact match went from ${percent(before.exactMatch.mean)} to ${percent(after.exactMatch.mean)}`;
  const where = decodingWords(after.decoding);
  if (!apart) {
    return (
      `RL made no clear difference: the mean reward ${where} is ${to} after it and ${from} before ` +
      `(95 % intervals overlap); ${exact}.`
    );
  }
  const verb = after.reward.mean > before.reward.mean ? "lifted" : "lowered";
  return `RL ${verb} the mean reward ${where} from ${from} to ${to} (95 % intervals apart); ${exact}.`;
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
      end === undefined ? ", not finished" : end.reason === "early-stop" ? ", stopped early" : "";
    return [`${STAGE_NAMES[stage]} ${counted(taken)}${plan} steps${ending}`];
  });
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
  const results = armResults(run);
  const sentence = mainResult(results);
  const seeds = distinct(eventsOf(run, "run-start").map((event) => String(event.seed)));
  const edits = Math.max(0, ...results.filter((result) => result.task === "all").map(({ count }) => count));
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
