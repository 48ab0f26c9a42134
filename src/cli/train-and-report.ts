/** A training run as a command shows it: progress while it goes on, the table and the report when it is done. */

import type { RunConfig } from "../experiment/run-config.ts";
import { armTable } from "../evaluate/table.ts";
import { printable } from "../format.ts";
import { trainingRun } from "../experiment/training-run.ts";
import { writeReport } from "../report/write-report.ts";
import { readEvents } from "../runs/event-log.ts";
import type { RunDirectory } from "../runs/run-directory.ts";
import { followRun } from "./run-progress.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

interface Request {
  readonly config: RunConfig;
  readonly directory: RunDirectory;
  readonly isResume: boolean;
  readonly signal: AbortSignal;
}

/** Trains, evaluates, writes the report, and prints the table and the report's path. Throws Interrupted when stopped. */
export async function trainAndReport(request: Request, surroundings: Surroundings): Promise<void> {
  const { config, directory, isResume, signal } = request;
  const { clock, commandLine } = surroundings;
  const progress = progressOn(surroundings);
  await trainingRun({
    config,
    isResume,
    signal,
    clock,
    commandLine,
    progress,
    onEvent: followRun(progress, { sft: config.sft.steps, grpo: config.grpo.steps }),
  });
  await conclude(directory, surroundings);
}

/** Prints the table of a finished run and writes its report. */
export async function conclude(directory: RunDirectory, { stdout }: Surroundings): Promise<void> {
  const tables = readEvents(directory.events).flatMap((event) =>
    event.kind === "arms-evaluated" ? [event] : [],
  );
  for (const { measures, results } of tables) {
    const title = tables.length > 1 ? `${results[0]?.benchmark}\n` : "";
    stdout.write(`\n${printable(`${title}${armTable(results, measures)}`)}\n\n`);
  }
  stdout.write(`${await writeReport(directory.path)}\n`);
}
