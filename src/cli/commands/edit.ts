/** What `earl edit` is typed with; ../edit.ts does it, and is loaded when it is asked for. */

import { InvalidArgumentError, type Command } from "commander";

import type { GridSize } from "../../tokens/vision-tokenizer.ts";
import { deviceOption, filePath, numberBetween, wholeNumber } from "../arguments.ts";
import type { EditFlags } from "../edit.ts";
import type { Surroundings } from "../surroundings.ts";

const MOST_TRIES = 10_000;
/** Pixels; a picture of twice Emu3's largest side has as many. */
const MOST_AREA = 8192 ** 2;

export function addEdit(program: Command, surroundings: Surroundings): void {
  program
    .command("edit")
    .description("edit a picture with a checkpoint; writes edit-1.png …, contact-sheet.png and edit.json")
    .argument("<image>", "PNG, JPEG or WebP of any size", filePath)
    .argument("<instruction>", "what should change, in words")
    .option(
      "--checkpoint <dir>",
      "checkpoint folder, or a run (its best checkpoint is taken) (required)",
      filePath,
    )
    .option("--vision-tokenizer <dir>", "where the vision tokenizer lies, if not in the checkpoint", filePath)
    .option("--tokenizer <dir>", "where the text tokenizer lies, if not in the checkpoint", filePath)
    .option("-n <n>", "how many tries to write", wholeNumber(1, MOST_TRIES), 4)
    .addOption(deviceOption())
    .option("--seed <n>", "the same seed gives the same pictures", wholeNumber(0), 0)
    .option("--temperature <t>", "0 takes the likeliest", numberBetween(0, 100), 1)
    .option("--top-k <k>", "keep the k likeliest; 0 keeps all", wholeNumber(0), 0)
    .option("--top-p <p>", "keep the likeliest that reach this probability", numberBetween(0.000_001, 1), 1)
    .option(
      "--guidance <g>",
      "how much the instruction counts over none (classifier-free guidance); 1 is off, more takes twice the time",
      numberBetween(0, 1000),
      1,
    )
    .option("--thought", "let the policy write a thought before the picture, and print it")
    .option("--free-grid-text", "let the policy write the grid's rows*columns itself, as in EARL")
    .option(
      "--area <pixels>",
      "resize the picture to this area; else what the policy was made for",
      wholeNumber(1, MOST_AREA),
    )
    .option(
      "--grid <rows x columns>",
      "codes of the pictures to write, as 24x42; else the source's",
      gridSize,
    )
    .option("--out <dir>", "folder for the pictures (required)", filePath)
    .action(async (image: string, instruction: string, flags: EditFlags) => {
      const { edit } = await import("../edit.ts");
      await edit({ image, instruction }, flags, surroundings);
    });
}

function gridSize(text: string): GridSize {
  const [, rows, columns] = /^([1-9]\d{0,3})[x*×]([1-9]\d{0,3})$/.exec(text) ?? [];
  if (rows !== undefined && columns !== undefined) return { rows: Number(rows), columns: Number(columns) };
  throw new InvalidArgumentError("It must be rows x columns of codes, as 24x42.");
}
