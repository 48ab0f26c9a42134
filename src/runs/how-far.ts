/** How far a run is, as its newest events say: older ones are not read. */

import { existsSync, readFileSync } from "node:fs";

import { parse } from "yaml";
import { z } from "zod";

import { NewerEventError } from "./event-log.ts";
import type { Stage } from "./event.ts";
import { eventsBackwards } from "./events-backwards.ts";
import { isHeld } from "./lock.ts";
import type { RunDirectory } from "./run-directory.ts";

export type RunState = "running" | "paused" | "stopped" | "finished" | "damaged" | "newer earl";

export interface HowFar {
  readonly state: RunState;
  readonly stage?: Stage;
  /** Steps of the stage that are complete, and those it is to make where config.yaml says so. */
  readonly step?: number;
  readonly steps?: number;
  readonly reward?: number;
  /** Until the stage ends at the pace of its newest steps; told of a run that goes on. */
  readonly secondsLeft?: number;
}

/** Steps whose times tell the pace. */
const PACE = 20;

/** One damaged run must not hide others, so that damage is a state; commands that read the run say what is wrong. */
export function howFar(run: RunDirectory): HowFar {
  try {
    if (isHeld(run.lock)) return goingOn(run);
    const { far } = readBack(run, 1);
    // It waited for its judge when it ended.
    return far.state === "paused" ? { ...far, state: "stopped" } : far;
  } catch (error) {
    return { state: error instanceof NewerEventError ? "newer earl" : "damaged" };
  }
}

function goingOn(run: RunDirectory): HowFar {
  const { far, times } = readBack(run, PACE);
  const state = far.state === "paused" ? "paused" : "running";
  const { step, steps } = far;
  const [newest, oldest] = [times[0], times.at(-1)];
  if (newest === undefined || oldest === undefined || times.length < 2) return { ...far, state };
  if (step === undefined || steps === undefined) return { ...far, state };
  const pace = (newest - oldest) / 1000 / (times.length - 1);
  return { ...far, state, secondsLeft: Math.max(0, steps - step) * pace };
}

/** What the newest events say, and the times of the newest steps of one sitting, newest first. */
function readBack(run: RunDirectory, pace: number): { far: HowFar; times: number[] } {
  let state: RunState = "stopped";
  let isSettled = false;
  let far: Omit<HowFar, "state"> | undefined;
  const times: number[] = [];
  for (const event of existsSync(run.events) ? eventsBackwards(run.events) : []) {
    if (event.kind === "run-end") state = "finished";
    if (event.kind === "run-paused" && !isSettled) state = "paused";
    if (event.kind === "run-continued" || event.kind === "step-end") isSettled = true;
    if (event.kind === "stage-start") {
      const { stage, steps } = event;
      far ??= { stage, step: 0, steps };
      break;
    }
    if (event.kind === "run-resumed" && far !== undefined) break;
    if (event.kind !== "step-end") continue;
    const { stage, step, metrics, time } = event;
    const steps = far === undefined ? stepsOf(run, stage) : undefined;
    far ??= {
      stage,
      step,
      ...(steps !== undefined && { steps }),
      ...(metrics.reward !== undefined && { reward: metrics.reward }),
    };
    times.push(time);
    if (times.length >= pace) break;
  }
  return { far: { state, ...far }, times };
}

/** Steps that a stage is to make, as config.yaml says. */
function stepsOf(run: RunDirectory, stage: Stage): number | undefined {
  try {
    const saved = z
      .looseObject({ [stage]: z.looseObject({ steps: z.int() }) })
      .parse(parse(readFileSync(run.config, "utf8")));
    return saved[stage]?.steps;
  } catch {
    return undefined;
  }
}
