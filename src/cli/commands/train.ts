/** What `earl train` is typed with; ../train.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { collect, deviceOption, filePath } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";
import type { TrainFlags } from "../train.ts";

export function addTrain(program: Command, surroundings: Surroundings): void {
  program
    .command("train")
    .description("train a policy: SFT, GRPO, or one after the other; ends with a table and report.html")
    .argument("<config>", "YAML file; recipes/ holds some to start from", filePath)
    .option("--set <key=value>", "change a setting; may be given several times", collect, [])
    .addOption(deviceOption())
    .option("--resume", "go on where the run was stopped or killed")
    .action(async (file: string, flags: TrainFlags) => {
      const { train } = await import("../train.ts");
      await train(file, flags, surroundings);
    });
}
