/** `earl data scenes`: writes a dataset of drawn edit examples. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { Phrasing } from "../data/scenes/scene.ts";
import { writeScenes } from "../data/scenes/write-scenes.ts";
import { ConfigError } from "../errors.ts";
import { requireWritableFolder } from "../runs/writable-place.ts";
import { required } from "./arguments.ts";
import { progressOn, type Surroundings } from "./surroundings.ts";

export interface SceneFlags {
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

export async function drawScenes(flags: SceneFlags, surroundings: Surroundings): Promise<void> {
  const directory = required(flags.out, "--out DIR");
  const { seed, imperfect, cells, phrasing, train, validation, test } = flags;
  if (existsSync(join(directory, "dataset.json")) && flags.force === undefined) {
    throw new ConfigError(`${directory} holds a dataset already.`, {
      hint: "Choose another folder, or replace it with --force.",
    });
  }
  requireWritableFolder(directory);
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
