/** What `earl data` is typed with; ../data.ts does it, and is loaded when it is asked for. */

import { Option, type Command } from "commander";

import { PHRASINGS } from "../../data/scenes/scene.ts";
import { filePath, numberBetween, wholeNumber } from "../arguments.ts";
import type { SceneFlags } from "../data.ts";
import type { Surroundings } from "../surroundings.ts";

/** More would not fit a disk, or take days to draw. */
const MOST_SCENES = 10_000_000;

export function addData(program: Command, surroundings: Surroundings): void {
  const data = program.command("data").description("make datasets");
  data
    .command("scenes")
    .description("draw edit examples (shapes on a grid) and write them in OmniEdit's parquet columns")
    .option("--out <dir>", "folder to write (required)", filePath)
    .option("--train <n>", "training examples", wholeNumber(1, MOST_SCENES), 20_000)
    .option("--validation <n>", "validation examples", wholeNumber(1, MOST_SCENES), 512)
    .option("--test <n>", "held-out test examples", wholeNumber(1, MOST_SCENES), 1024)
    .option("--seed <n>", "everything random comes from it", wholeNumber(0), 0)
    .option("--imperfect <share>", "share of training pairs with a wrong target", numberBetween(0, 1), 0)
    .option("--cells <n>", "rows and columns of the grid, 8 pixels each", wholeNumber(2, 8), 4)
    .addOption(
      new Option("--phrasing <kind>", "plain: whole looks and cells; rich: also places and relations")
        .choices([...PHRASINGS])
        .default("plain"),
    )
    .option("--force", "replace a scene dataset that lies there already")
    .action(async (flags: SceneFlags) => {
      const { drawScenes } = await import("../data.ts");
      await drawScenes(flags, surroundings);
    });
}
