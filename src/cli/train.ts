/** `earl train CONFIG`: trains a policy as a config says. */

import { loadRunConfig, RunConfig } from "../experiment/run-config.ts";
import { runDirectoryOf } from "../experiment/training-run.ts";
import { isDone } from "../runs/saved-settings.ts";
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
  if (isResume && isDone({ directory, config, schema: RunConfig })) {
    surroundings.stderr.write(`The run ${directory.path} is finished already.\n`);
    await conclude(directory, surroundings);
    return;
  }
  using interrupt = listenForInterrupt(surroundings);
  await trainAndReport({ config, directory, isResume, signal: interrupt.signal }, surroundings);
}
