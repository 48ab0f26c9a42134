/** `earl ls`: the runs of a folder, with how far each got. */

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";
import { z } from "zod";

import { DataError } from "../errors.ts";
import { formatBytes, formatTable, printable } from "../format.ts";
import { NewerEventError } from "../runs/event-log.ts";
import { eventsBackwards } from "../runs/events-backwards.ts";
import { isHeld } from "../runs/lock.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import type { Surroundings } from "./surroundings.ts";

export function listRuns(folder: string, { stdout }: Surroundings): void {
  const runs = runsIn(folder);
  stdout.write(
    runs.length === 0
      ? `No runs in ${folder}. \`earl demo\` or \`earl train CONFIG\` makes one.\n`
      : `${formatTable([["run", "state", "stage", "step", "reward", "size"], ...runs.map(rowOf)])}\n`,
  );
}

/** Throws DataError for a file. */
function runsIn(folder: string): RunDirectory[] {
  if (!existsSync(folder)) return [];
  if (!statSync(folder).isDirectory()) {
    throw new DataError(`${folder} is a file, not a folder of runs.`, {
      hint: "Give the folder that the runs are in; it is runs/ unless they were moved.",
    });
  }
  return readdirSync(folder)
    .toSorted()
    .map((name) => new RunDirectory(join(folder, name)))
    .filter((run) => run.exists());
}

function rowOf(run: RunDirectory): string[] {
  const { state, stage, step, reward } = progressOf(run);
  return [printable(run.name), state, stage, step, reward, formatBytes(run.sizeBytes())];
}

type ProgressCells = Record<"state" | "stage" | "step" | "reward", string>;

/** What the newest events say; older ones are not read. */
function progressOf(run: RunDirectory): ProgressCells {
  const cells: ProgressCells = { state: "stopped", stage: "", step: "", reward: "" };
  try {
    for (const event of existsSync(run.events) ? eventsBackwards(run.events) : []) {
      if (event.kind === "run-end") cells.state = "finished";
      if (event.kind !== "stage-start" && event.kind !== "step-end") continue;
      const { stage } = event;
      const done = event.kind === "step-end" ? event.step : 0;
      const steps = event.kind === "stage-start" ? event.steps : stepsOf(run, stage);
      const reward = event.kind === "step-end" ? event.metrics.reward : undefined;
      Object.assign(cells, { stage, step: `${done}/${steps}`, reward: reward?.toFixed(2) ?? "" });
      break;
    }
  } catch (error) {
    // One damaged run must not hide the others; commands that read it say what is wrong.
    return {
      state: error instanceof NewerEventError ? "newer earl" : "damaged",
      stage: "",
      step: "",
      reward: "",
    };
  }
  return isHeld(run.lock) ? { ...cells, state: "running" } : cells;
}

/** Steps that a stage is to make, as config.yaml says; "?" where it does not. */
function stepsOf(run: RunDirectory, stage: string): string {
  try {
    const saved = z
      .looseObject({ [stage]: z.looseObject({ steps: z.int() }) })
      .parse(parse(readFileSync(run.config, "utf8")));
    return String(saved[stage]?.steps ?? "?");
  } catch {
    return "?";
  }
}
