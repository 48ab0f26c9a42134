/** A run as its events tell it, kept so that a page can ask for any part of it: built event by event, in any attempt. */

import type { LoggedGroup, RunEvent, Stage } from "../runs/event.ts";
import type { HowFar } from "../runs/how-far.ts";
import { Curve } from "./curve.ts";
import type {
  Comparison,
  HeldOutMoment,
  JudgeTotals,
  Moment,
  RunSummary,
  ShownGroup,
  StageSummary,
  Warning,
} from "./messages.ts";
import { oddestFirst } from "./oddness.ts";

/** Notices and warnings that a summary repeats: the newest. */
const SHOWN = 50;
/** Steps whose times tell the pace. */
const PACE = 20;

interface StageModel {
  readonly stage: Stage;
  step: number;
  steps?: number;
  ended?: "finished" | "early-stop";
  why?: string | undefined;
  bestStep?: number;
  readonly curves: Map<string, Curve>;
  readonly evaluations: Map<string, Curve>;
  /** Times of the newest steps of this sitting. */
  times: number[];
}

interface GroupMoment {
  readonly stage: Stage;
  readonly step: number;
  readonly groups: LoggedGroup[];
  /** The groups in the order in which they are shown; made when somebody looks, and anew when one was added. */
  shown: ShownGroup[] | undefined;
}

export class RunModel {
  readonly #stages = new Map<Stage, StageModel>();
  readonly #moments = new Map<string, GroupMoment>();
  /** Groups of the step that is going on, as they are judged. */
  #judged: GroupMoment | undefined;
  readonly #judges = new Map<string, { calls: number; failed: number; seconds: number }>();
  readonly #tables: Extract<RunEvent, { kind: "arms-evaluated" }>[] = [];
  readonly comparisons: Comparison[] = [];
  /** By evaluation, in their order. */
  readonly heldOut: (HeldOutMoment & { readonly groups: LoggedGroup[] })[] = [];
  readonly #warnings: Warning[] = [];
  readonly #notices: string[] = [];
  #noticeCount = 0;
  #events = 0;
  #name = "";
  #attempt = 0;
  #begun: number | undefined;
  #newest: number | undefined;
  #doing: string | undefined;
  #paused: string | undefined;
  #hasEnded = false;

  apply(event: RunEvent): void {
    this.#events += 1;
    this.#newest = event.time;
    this.#attempt = event.attempt;
    switch (event.kind) {
      case "run-start":
        this.#name = event.name;
        this.#begun = event.time;
        return;
      case "run-resumed":
        this.#hasEnded = false;
        this.#paused = undefined;
        for (const stage of this.#stages.values()) stage.times = [];
        return;
      case "run-paused":
        this.#paused = event.reason;
        return;
      case "run-continued":
        this.#paused = undefined;
        return;
      case "run-end":
        this.#hasEnded = true;
        this.#doing = undefined;
        return;
      case "stage-start":
        this.#stage(event.stage).steps = event.steps;
        return;
      case "stage-end":
        Object.assign(this.#stage(event.stage), { ended: event.reason, why: event.why });
        return;
      case "step-end":
        return this.#step(event);
      case "evaluation-end": {
        const stage = this.#stage(event.stage);
        addTo(stage.evaluations, event);
        if (event.isBest) stage.bestStep = event.step;
        return;
      }
      case "group-logged": {
        const moment = this.#moment(event);
        // What was judged is now what was learned from, advantages and all.
        this.#judged = undefined;
        moment.groups.push(event.group);
        moment.shown = undefined;
        return;
      }
      case "group-judged": {
        const { stage, step, group } = event;
        if (this.#judged?.stage !== stage || this.#judged.step !== step) {
          this.#judged = { stage, step, groups: [], shown: undefined };
        }
        this.#judged.groups.push(group);
        this.#judged.shown = undefined;
        return;
      }
      case "held-out-logged": {
        const { stage, step, group } = event;
        const last = this.heldOut.at(-1);
        if (last?.stage === stage && last.step === step) last.groups.push(group);
        else this.heldOut.push({ stage, step, groups: [group] });
        return;
      }
      case "judge-calls": {
        const { reward, calls, failed, seconds } = event;
        const total = this.#judges.get(reward) ?? { calls: 0, failed: 0, seconds: 0 };
        this.#judges.set(reward, {
          calls: total.calls + calls,
          failed: total.failed + failed,
          seconds: total.seconds + seconds,
        });
        return;
      }
      case "rollout-progress":
        this.#doing = `step ${event.step}: ${event.ahead === true ? "of the next rollout " : ""}${event.written} of ${event.groups} groups written, ${event.scored} scored`;
        return;
      case "weights-progress":
        this.#doing = `reading weights, ${Math.round((100 * event.read) / Math.max(1, event.total))} %`;
        return;
      case "benchmark-progress":
        this.#doing = `${event.benchmark}: ${event.done} of ${event.total} ${event.part === "edits" ? "edits made ready" : "arms measured"}`;
        return;
      case "warning": {
        const { stage, step, figure, value, limit, message } = event;
        this.#warnings.push({ stage, step, figure, value, limit, message });
        return;
      }
      case "data-notice":
        this.#noticeCount += 1;
        this.#notices.push(`${event.split}, ${event.row}: ${event.reason}`);
        if (this.#notices.length > SHOWN) this.#notices.shift();
        return;
      case "comparison-logged":
        this.comparisons.push(event);
        return;
      case "arms-evaluated":
        this.#tables.push(event);
        this.#doing = undefined;
        return;
      case "checkpoint-saved":
        return;
      default:
        event satisfies never;
    }
  }

  /** The curve of a metric; undefined where the run never logged it. */
  curve(stage: Stage, metric: string): Curve | undefined {
    const found = this.#stages.get(stage);
    return found?.curves.get(metric) ?? found?.evaluations.get(metric);
  }

  /** Groups of a moment, the oddest first. */
  groups(stage: Stage, step: number): readonly ShownGroup[] {
    const isGoingOn = this.#judged?.stage === stage && this.#judged.step === step;
    const moment = isGoingOn ? this.#judged : this.#moments.get(placeKey(stage, step));
    return moment === undefined ? [] : shownGroups(moment);
  }

  /** `far` says what no event does: whether somebody writes the run. */
  summary(id: string, far: HowFar, more: { isReading: boolean; fault?: string | undefined }): RunSummary {
    const said = far.state === "stopped" && this.#hasEnded ? "finished" : far.state;
    // The newest events may be sound where an older one is not.
    const state = more.fault === undefined || said === "newer earl" ? said : "damaged";
    const isLive = state === "running" || state === "paused";
    const secondsLeft = isLive ? this.#secondsLeft() : undefined;
    return {
      id,
      name: this.#name === "" ? id : this.#name,
      state,
      ...(secondsLeft !== undefined && { secondsLeft }),
      events: this.#events,
      isReading: more.isReading,
      ...(more.fault !== undefined && { fault: more.fault }),
      attempt: this.#attempt,
      ...(this.#begun !== undefined && { begun: this.#begun }),
      ...(this.#newest !== undefined && { newest: this.#newest }),
      stages: [...this.#stages.values()].map(stageSummary),
      ...(isLive && this.#doing !== undefined && { doing: this.#doing }),
      ...(isLive && this.#paused !== undefined && { paused: this.#paused }),
      warnings: this.#warnings.slice(-SHOWN),
      judges: [...this.#judges].map(([reward, total]): JudgeTotals => ({
        reward,
        calls: total.calls,
        failed: total.failed,
        seconds: total.seconds / Math.max(1, total.calls),
      })),
      moments: this.#allMoments().map(momentOf),
      notices: this.#notices,
      noticeCount: this.#noticeCount,
      tables: this.#tables,
      comparisons: this.comparisons.length,
      heldOut: this.heldOut.map(({ stage, step }) => ({ stage, step })),
    };
  }

  /** In their order, the one that is going on last. */
  #allMoments(): GroupMoment[] {
    return [...this.#moments.values(), ...(this.#judged === undefined ? [] : [this.#judged])];
  }

  #step(event: Extract<RunEvent, { kind: "step-end" }>): void {
    const stage = this.#stage(event.stage);
    addTo(stage.curves, event);
    stage.step = Math.max(stage.step, event.step);
    stage.times.push(event.time);
    if (stage.times.length > PACE) stage.times.shift();
    this.#doing = undefined;
    this.#paused = undefined;
    this.#judged = undefined;
  }

  #secondsLeft(): number | undefined {
    const stage = [...this.#stages.values()].findLast(({ ended }) => ended === undefined);
    if (stage?.steps === undefined || stage.times.length < 2) return undefined;
    const pace = (stage.times.at(-1)! - stage.times[0]!) / 1000 / (stage.times.length - 1);
    return Math.max(0, stage.steps - stage.step) * pace;
  }

  #stage(stage: Stage): StageModel {
    const found = this.#stages.get(stage);
    if (found !== undefined) return found;
    const made = { stage, step: 0, curves: new Map(), evaluations: new Map(), times: [] };
    this.#stages.set(stage, made);
    return made;
  }

  #moment({ stage, step }: { stage: Stage; step: number }): GroupMoment {
    const key = placeKey(stage, step);
    const found = this.#moments.get(key);
    if (found !== undefined) return found;
    const made: GroupMoment = { stage, step, groups: [], shown: undefined };
    this.#moments.set(key, made);
    return made;
  }
}

const placeKey = (stage: Stage, step: number): string => `${stage} ${step}`;

function addTo(
  curves: Map<string, Curve>,
  { step, metrics }: { step: number; metrics: Readonly<Record<string, number | undefined>> },
): void {
  for (const name in metrics) {
    const value = metrics[name];
    if (value === undefined) continue;
    let curve = curves.get(name);
    if (curve === undefined) curves.set(name, (curve = new Curve()));
    curve.add(step, value);
  }
}

function stageSummary(model: StageModel): StageSummary {
  const { stage, step, steps, ended, why, bestStep, curves, evaluations } = model;
  const newest = Object.fromEntries(
    [...curves, ...evaluations].flatMap(([name, curve]) =>
      curve.newest === undefined ? [] : [[name, curve.newest]],
    ),
  );
  return {
    stage,
    step,
    ...(steps !== undefined && { steps }),
    ...(ended !== undefined && { ended }),
    ...(why !== undefined && { why }),
    ...(bestStep !== undefined && { bestStep }),
    metrics: [...curves.keys()],
    evaluations: [...evaluations.keys()],
    newest,
  };
}

function shownGroups(moment: GroupMoment): readonly ShownGroup[] {
  moment.shown ??= oddestFirst(moment.groups);
  return moment.shown;
}

function momentOf(moment: GroupMoment): Moment {
  const { stage, step, groups } = moment;
  return { stage, step, groups: groups.length, oddness: shownGroups(moment)[0]?.oddness ?? 0 };
}
