/** Shows what a run does as progress: one bar a stage, with loss or a sparkline of rewards, and how far weights are read. */

import type { OnLoad } from "../engine/policy-engine.ts";
import type { RunEvent, Stage } from "../runs/event.ts";
import type { Metrics } from "../runs/metrics.ts";
import { sparkline } from "../format.ts";
import type { Progress } from "./progress.ts";

const LABELS: Readonly<Record<Stage, string>> = { sft: "SFT", grpo: "GRPO" };
const SPARK_WIDTH = 16;

/**
 * A listener for a run's events. `steps` is how long each stage is: a resumed run does not say so again, and begins
 * where its first event is.
 */
export function followRun(
  progress: Progress,
  steps: Readonly<Record<Stage, number>>,
): (event: RunEvent) => void {
  let current: Stage | undefined;
  let rewards: number[] = [];
  let last: Metrics = {};
  let evaluated: Metrics = {};
  let load: OnLoad | undefined;
  let benchmark: string | undefined;

  const begin = (stage: Stage, done: number): void => {
    if (current === stage) return;
    current = stage;
    load = undefined;
    rewards = [];
    last = {};
    evaluated = {};
    progress.start(LABELS[stage], steps[stage], done);
  };

  return (event) => {
    switch (event.kind) {
      case "stage-start":
        return begin(event.stage, 0);
      case "step-end":
        begin(event.stage, event.step - 1);
        last = event.metrics;
        if (last.reward !== undefined) rewards.push(last.reward);
        return progress.advance(event.step, note(event.stage, last, rewards));
      case "rollout-progress":
        begin(event.stage, event.step - 1);
        return progress.advance(event.step - 1, rolloutNote(event, note(event.stage, last, rewards)));
      case "evaluation-end":
        begin(event.stage, event.step);
        evaluated = event.metrics;
        return undefined;
      case "stage-end": {
        begin(event.stage, event.step);
        const early =
          event.reason === "early-stop"
            ? `, stopped early${event.why === undefined ? "" : ` (${event.why})`}`
            : "";
        progress.finish(`${event.step} steps${early}  ${summary(last, evaluated)}`);
        current = undefined;
        return undefined;
      }
      case "weights-progress":
        load ??= followLoad(progress);
        return load(event.read, event.total);
      case "benchmark-progress": {
        const title = `${titleOf(event.benchmark)} ${event.part === "edits" ? "edits" : "evaluation"}`;
        if (title !== benchmark) progress.start(title, event.total);
        benchmark = title;
        return progress.advance(event.done);
      }
      case "arms-evaluated":
        return progress.finish(`${editsOf(event)} edits`);
      case "run-paused":
        return progress.say(`Paused: ${event.reason}`);
      case "run-continued":
        return progress.say("The judge is back; the run goes on.");
      case "warning":
        return progress.say(`Warning, step ${event.step}: ${event.message}`);
      case "run-start":
      case "run-resumed":
      case "judge-calls":
      case "data-notice":
      case "checkpoint-saved":
      case "group-logged":
      case "group-judged":
      case "held-out-logged":
      case "comparison-logged":
      case "run-end":
        return undefined;
      default:
        return event satisfies never;
    }
  };
}

/** A listener for an engine that reads its weights. It leaves no line: the next stage takes its place. */
export function followLoad(progress: Progress): OnLoad {
  let isBegun = false;
  return (read, total) => {
    if (!isBegun) progress.start("Weights", Math.ceil(total / 1e6));
    isBegun = true;
    progress.advance(Math.ceil(read / 1e6), "million parameters");
  };
}

function titleOf(benchmark: string): string {
  return benchmark === "held-out" ? "Held-out" : `Benchmark ${benchmark}:`;
}

/** Edits that each arm was measured on. */
function editsOf({ results }: Extract<RunEvent, { kind: "arms-evaluated" }>): number {
  return Math.max(0, ...results.map(({ count }) => count));
}

function note(stage: Stage, metrics: Metrics, rewards: readonly number[]): string {
  if (stage === "sft") return figure("loss", metrics.loss, 3);
  return `${figure("reward", metrics.reward, 2)} ${sparkline(rewards, SPARK_WIDTH)}`;
}

/** How far the step's rollout is, before what the last step said. */
function rolloutNote(
  { scored, written, groups, ahead }: Extract<RunEvent, { kind: "rollout-progress" }>,
  lastNote: string,
): string {
  const done = ahead === true ? `next rollout ${written}/${groups}` : `rollout ${scored}/${groups}`;
  return `${done}  ${lastNote}`.trimEnd();
}

function summary(last: Metrics, evaluated: Metrics): string {
  return [
    figure("loss", last.reward === undefined ? last.loss : undefined, 3),
    figure("validation loss", evaluated["loss/validation"], 3),
    figure("reward", last.reward, 2),
    figure("validation reward", evaluated["eval/reward"], 2),
  ]
    .filter((text) => text !== "")
    .join("  ");
}

function figure(name: string, value: number | undefined, digits: number): string {
  return value === undefined ? "" : `${name} ${value.toFixed(digits)}`;
}
