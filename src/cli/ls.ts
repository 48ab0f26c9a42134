/** `earl ls`: the runs of a folder, with how far each got. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { readEvents } from "../runs/event-log.ts";
import type { RunEvent, Stage } from "../runs/event.ts";
import { isHeld } from "../runs/lock.ts";
import { RunDirectory } from "../runs/run-directory.ts";
import { formatBytes, formatTable } from "../format.ts";
import type { Surroundings } from "./surroundings.ts";

export function addLs(program: Command, { stdout }: Surroundings): void {
  program
    .command("ls")
    .description("list the runs: stage, step, last reward, size")
    .argument("[folder]", "where the runs are", "runs")
    .action((folder: string) => {
      const runs = runsIn(folder);
      stdout.write(
        runs.length === 0
          ? `No runs in ${folder}. \`earl demo\` or \`earl train CONFIG\` makes one.\n`
          : `${formatTable([["run", "state", "stage", "step", "reward", "size"], ...runs.map(rowOf)])}\n`,
      );
    });
}

function runsIn(folder: string): RunDirectory[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .toSorted()
    .map((name) => new RunDirectory(join(folder, name)))
    .filter((run) => run.exists());
}

function rowOf(run: RunDirectory): string[] {
  const { state, stage, step, reward } = progressOf(run);
  return [run.name, state, stage, step, reward, formatBytes(run.sizeBytes())];
}

function progressOf(run: RunDirectory): Record<"state" | "stage" | "step" | "reward", string> {
  let events: RunEvent[];
  try {
    events = existsSync(run.events) ? readEvents(run.events) : [];
  } catch {
    // One damaged run must not hide the others; commands that read it say what is wrong.
    return { state: "damaged", stage: "", step: "", reward: "" };
  }
  let stage: Stage | undefined;
  let steps = 0;
  let step = 0;
  let reward: number | undefined;
  let isFinished = false;
  for (const event of events) {
    if (event.kind === "stage-start") {
      ({ stage, steps } = event);
      step = 0;
    }
    if (event.kind === "step-end") {
      ({ step } = event);
      reward = event.metrics.reward ?? reward;
    }
    if (event.kind === "run-end") isFinished = true;
  }
  const idle = isFinished ? "finished" : "stopped";
  return {
    state: isHeld(run.lock) ? "running" : idle,
    stage: stage ?? "",
    step: stage === undefined ? "" : `${step}/${steps}`,
    reward: reward === undefined ? "" : reward.toFixed(2),
  };
}
