/** `earl ls`: the runs of a folder, with how far each got. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { DataError } from "../errors.ts";
import { formatBytes, formatTable, printable } from "../format.ts";
import { howFar } from "../runs/how-far.ts";
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
  const { state, stage = "", step, steps = "?", reward } = howFar(run);
  const done = step === undefined ? "" : `${step}/${steps}`;
  return [printable(run.name), state, stage, done, reward?.toFixed(2) ?? "", formatBytes(run.sizeBytes())];
}
