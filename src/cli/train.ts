/** `earl train CONFIG`: trains a policy as a config says. */

import { existsSync } from "node:fs";

import type { Command } from "commander";

import { loadRunConfig } from "../experiment/run-config.ts";
import { readEvents } from "../runs/event-log.ts";
import { collect, deviceOption, overridesOf } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import type { Surroundings } from "./surroundings.ts";

export function addTrain(program: Command, surroundings: Surroundings): void {
  program
    .command("train")
    .description("train a policy: SFT, GRPO, or one after the other; ends with a table and report.html")
    .argument("<config>", "YAML file; recipes/ holds some to start from")
    .option("--set <key=value>", "change a setting; may be given several times", collect, [])
    .addOption(deviceOption())
    .option("--resume", "go on where the run was stopped or killed")
    .action(async (file: string, flags: { set: string[]; device?: string; resume?: true }) => {
      const config = loadRunConfig(file, overridesOf(flags));
      const { runDirectoryOf } = await import("../experiment/training-run.ts");
      const { conclude, trainAndReport } = await import("./train-and-report.ts");
      const directory = runDirectoryOf(config);
      const isResume = flags.resume === true;
      if (isResume && isFinished(directory.events)) {
        surroundings.stderr.write(`The run ${directory.path} is finished already.\n`);
        await conclude(directory, surroundings);
        return;
      }
      using interrupt = listenForInterrupt(surroundings);
      await trainAndReport({ config, directory, isResume, signal: interrupt.signal }, surroundings);
    });
}

/** True where the last thing a run said is that it ended. */
export function isFinished(events: string): boolean {
  return existsSync(events) && readEvents(events).at(-1)?.kind === "run-end";
}
