/** `earl train CONFIG`: trains a policy as a config says. */

import { existsSync } from "node:fs";

import { loadRunConfig } from "../experiment/run-config.ts";
import { runDirectoryOf } from "../experiment/training-run.ts";
import { readEvents } from "../runs/event-log.ts";
import { overridesOf } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import type { Surroundings } from "./surroundings.ts";
import { conclude, trainAndReport } from "./train-and-report.ts";

export interface TrainFlags {
  readonly set: string[];
  readonly device?: string;
  readonly resume?: true;
}

/** Trains as the config says, or prints the results of a run that is finished. Throws Interrupted when stopped. */
export async function train(file: string, flags: TrainFlags, surroundings: Surroundings): Promise<void> {
  const config = loadRunConfig(file, overridesOf(flags));
  const directory = runDirectoryOf(config);
  const isResume = flags.resume === true;
  if (isResume && isFinished(directory.events)) {
    surroundings.stderr.write(`The run ${directory.path} is finished already.\n`);
    await conclude(directory, surroundings);
    return;
  }
  using interrupt = listenForInterrupt(surroundings);
  await trainAndReport({ config, directory, isResume, signal: interrupt.signal }, surroundings);
}

/** True where the last thing a run said is that it ended. */
export function isFinished(events: string): boolean {
  return existsSync(events) && readEvents(events).at(-1)?.kind === "run-end";
}
