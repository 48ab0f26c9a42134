/** `earl data scenes`: writes a dataset of drawn edit examples. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { Option, type Command } from "commander";

import { PHRASINGS, type Phrasing } from "../data/scenes/scene.ts";
import { ConfigError } from "../errors.ts";
import { numberBetween, required, wholeNumber } from "./arguments.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

interface SceneFlags {
  readonly out?: string;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
  readonly imperfect: number;
  readonly cells: number;
  readonly phrasing: Phrasing;
  readonly force?: true;
}

export function addData(program: Command, surroundings: Surroundings): void {
  const data = program.command("data").description("make datasets");
  data
    .command("scenes")
    .description("draw edit examples (shapes on a grid) and write them in OmniEdit's parquet columns")
    .option("--out <dir>", "folder to write (required)")
    .option("--train <n>", "training examples", wholeNumber(1), 20_000)
    .option("--validation <n>", "validation examples", wholeNumber(1), 512)
    .option("--test <n>", "held-out test examples", wholeNumber(1), 1024)
    .option("--seed <n>", "everything random comes from it", wholeNumber(0), 0)
    .option("--imperfect <share>", "share of training pairs with a wrong target", numberBetween(0, 1), 0)
    .option("--cells <n>", "rows and columns of the grid, 8 pixels each", wholeNumber(2), 4)
    .addOption(
      new Option("--phrasing <kind>", "plain: whole looks and cells; rich: also places and relations")
        .choices([...PHRASINGS])
        .default("plain"),
    )
    .option("--force", "replace a scene dataset that lies there already")
    .action((flags: SceneFlags) => scenes(flags, surroundings));
}

async function scenes(flags: SceneFlags, surroundings: Surroundings): Promise<void> {
  const directory = required(flags.out, "--out DIR");
  const { seed, imperfect, cells, phrasing, train, validation, test } = flags;
  if (existsSync(join(directory, "dataset.json")) && flags.force === undefined) {
    throw new ConfigError(`${directory} holds a dataset already.`, {
      hint: "Choose another folder, or replace it with --force.",
    });
  }
  const { writeScenes } = await import("../data/scenes/write-scenes.ts");
  const progress = progressOn(surroundings);
  progress.start("Scenes", train + validation + test);
  const record = await writeScenes(
    {
      directory,
      seed,
      imperfect,
      cells,
      phrasing,
      counts: { train, validation, test },
      overwrite: flags.force === true,
    },
    ({ done }) => progress.advance(done),
  );
  const wrong = Object.values(record.splits.train.imperfections).reduce((sum, count) => sum + count, 0);
  const note = wrong === 0 ? "" : `, ${wrong} of the training targets wrong on purpose`;
  progress.finish(`${train} train, ${validation} validation, ${test} test${note}`);
  surroundings.stdout.write(`${directory}\n`);
}
