/** What `earl data` is typed with; ../data.ts does it, and is loaded when it is asked for. */

import { Option, type Command } from "commander";

import { PHRASINGS } from "../../data/scenes/scene.ts";
import type { LookFlags } from "../data-look.ts";
import {
  collect,
  collectSplits,
  DATASET_NAMES,
  deviceOption,
  filePath,
  numberBetween,
  wholeNumber,
} from "../arguments.ts";
import type { MixFlags } from "../data-mix.ts";
import type { PrepareFlags } from "../data-prepare.ts";
import type { OverlapFlags } from "../data-overlap.ts";
import type { ThinkFlags } from "../data-think.ts";
import type { SceneFlags } from "../data.ts";
import type { Surroundings } from "../surroundings.ts";
import { asking } from "./judge.ts";

/** More would not fit a disk, or take days to draw. */
const MOST_SCENES = 10_000_000;
const MOST_BATCHES = 1000;
const MOST_SHOWN = 100_000;
const MOST_PICTURED = 300;

export function addData(program: Command, surroundings: Surroundings): void {
  const data = program.command("data").description("make datasets, and look at them");
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
  data
    .command("mix")
    .description(
      "say what a run will train on: rows, shares and epochs of each source, and the first batches",
    )
    .argument("<config>", "config of a run", filePath)
    .option("--set <key=value>", "change a setting; may be given several times", collect, [])
    .option("--dry-run", "print only; without it every row is listed in --out")
    .option("--out <file>", "JSONL of every row: split, source, id, and how often an epoch has it", filePath)
    .option("--batches <n>", "steps whose edits are shown", wholeNumber(0, MOST_BATCHES), 2)
    .action(async (file: string, flags: MixFlags) => {
      const { mixData } = await import("../data-mix.ts");
      await mixData(file, flags, surroundings);
    });
  data
    .command("look")
    .description("say what is in a dataset: kinds of edits, sizes, broken rows; with a sheet of its pictures")
    .argument("<dataset>", "what is looked at; the kind of a folder is found out", filePath)
    .option("--rows <n>", "rows that are read and decoded, at even distances", wholeNumber(1), 500)
    .option("--show <n>", "pairs on the sheet", wholeNumber(0, MOST_PICTURED), 12)
    .option("--out <file>", "PNG to write", filePath, "look.png")
    .addHelpText("after", () => `\nA dataset is ${DATASET_NAMES}.`)
    .action(async (name: string, flags: LookFlags) => {
      const { lookAtData } = await import("../data-look.ts");
      await lookAtData(name, flags, surroundings);
    });
  data
    .command("prepare")
    .description(
      "encode a run's data once: code grids in parquet, which training then reads (data.kind: prepared)",
    )
    .argument("<config>", "config of a run", filePath)
    .option("--set <key=value>", "change a setting; may be given several times", collect, [])
    .addOption(deviceOption())
    .option("--out <dir>", "folder to write, one a dataset where the config has several (required)", filePath)
    .option(
      "--source <name>",
      "prepare this one alone: a source of a mixture, or the place of a stage's data, sft.data.0",
    )
    .option("--split <name>", "prepare this split alone; may be given several times", collectSplits, [])
    .option("--pictures", "keep the pictures beside their codes, as PNG")
    .option("--rows-per-shard <n>", "rows of a file", wholeNumber(1, 100_000), 512)
    .action(async (file: string, flags: PrepareFlags) => {
      const { prepare } = await import("../data-prepare.ts");
      await prepare(file, flags, surroundings);
    });
  data
    .command("overlap")
    .description("find pictures of one dataset that are in another one too, or nearly (stored anew, resized)")
    .argument("<one>", "what is trained on; read through once", filePath)
    .argument("<other>", "what is held out; the smaller of both", filePath)
    .option("--distance <bits>", "of 64 bits of the hash that may differ", wholeNumber(0, 24), 6)
    .option("--difference <levels>", "of 256 that a cell of 16 × 16 may differ by", wholeNumber(0, 255), 32)
    .option("--show <n>", "pairs that are printed", wholeNumber(0, MOST_SHOWN), 20)
    .option(
      "--out <dir>",
      "folder for pairs.jsonl, all pairs, and pairs.png, the first ones side by side",
      filePath,
    )
    .addHelpText("after", () => `\nA dataset is ${DATASET_NAMES}.`)
    .action(async (one: string, other: string, flags: OverlapFlags) => {
      const { findOverlaps } = await import("../data-overlap.ts");
      await findOverlaps([one, other], flags, surroundings);
    });
  asking(data.command("think"), "the model: those of a judge, boxes, mostCharacters, showsTarget")
    .description("let a vision-language model write thoughts for a dataset; goes on where it was stopped")
    .argument("<dataset>", "what is thought about", filePath)
    .option("--out <file>", "JSONL to write, one thought a row (required)", filePath)
    .option("--size <n>", "rows that are thought about, from the first one on", wholeNumber(1))
    .option(
      "--show <n>",
      "thoughts that are printed, and drawn beside the file",
      wholeNumber(0, MOST_SHOWN),
      3,
    )
    .addHelpText("after", () => `\nA dataset is ${DATASET_NAMES}.`)
    .action(async (name: string, flags: ThinkFlags) => {
      const { writeThoughts } = await import("../data-think.ts");
      await writeThoughts(name, flags, surroundings);
    });
}
