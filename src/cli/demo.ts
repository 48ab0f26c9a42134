/** `earl demo`: the whole system at a small size, from drawn scenes to the report, on this machine. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { loadConfig } from "../config/load-config.ts";
import { packageRoot } from "../runs/manifest.ts";
import { refuseTaken } from "../runs/open-run.ts";
import { collect, deviceOption, overridesOf } from "./arguments.ts";
import { listenForInterrupt } from "./interrupt.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";
import { isFinished } from "./train.ts";

/** The dataset of recipes/demo. Real demonstrations are imperfect, and that is where rewards help most. */
const SCENES = { seed: 0, imperfect: 0.3, counts: { train: 20_000, validation: 256, test: 1024 } } as const;

interface DemoFlags {
  readonly set: string[];
  readonly device?: string;
  readonly resume?: true;
  readonly force?: true;
}

export function addDemo(program: Command, surroundings: Surroundings): void {
  program
    .command("demo")
    .description("draw scenes, fine-tune, learn from rewards, evaluate, report: all of it, in minutes")
    .option("--set <key=value>", "change a setting; may be given several times", collect, [])
    .addOption(deviceOption())
    .option("--resume", "go on where the demo was stopped or killed")
    .option("--force", "delete an earlier demo and start again")
    .action((flags: DemoFlags) => demo(flags, surroundings));
}

async function demo(flags: DemoFlags, surroundings: Surroundings): Promise<void> {
  const config = loadConfig(join(packageRoot(), "recipes", "demo", "config.yaml"), overridesOf(flags));
  const { conclude, runDirectoryOf, trainingRun } = await import("./training-run.ts");
  const { requireDevice } = await import("../tensor/find-device.ts");
  const directory = runDirectoryOf(config);
  const isResume = flags.resume === true;
  if (isResume && isFinished(directory.events)) {
    await conclude(directory, surroundings);
    return;
  }
  if (flags.force === true) directory.remove();
  if (!isResume) {
    refuseTaken(directory, "Go on with `earl demo --resume`, or start again with `earl demo --force`.");
  }
  await requireDevice(config.engine.device);
  using interrupt = listenForInterrupt(surroundings);
  await writeDemoScenes(config.data.directory, isResume, surroundings);
  await trainingRun({ config, isResume, signal: interrupt.signal }, surroundings);
}

async function writeDemoScenes(
  directory: string,
  isResume: boolean,
  surroundings: Surroundings,
): Promise<void> {
  if (isResume && existsSync(join(directory, "dataset.json"))) return;
  const { writeScenes } = await import("../data/scenes/write-scenes.ts");
  const progress = progressOn(surroundings);
  const { train, validation, test } = SCENES.counts;
  progress.start("Scenes", train + validation + test);
  await writeScenes({ directory, ...SCENES, overwrite: true }, ({ done }) => progress.advance(done));
  progress.finish(
    `${train} for training (${100 * SCENES.imperfect} % with a wrong target), ${test} held out, in ${directory}`,
  );
}
