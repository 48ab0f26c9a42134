/** What `earl evaluate` is typed with; ../evaluate.ts does it, and is loaded when it is asked for. */

import { Option, type Command } from "commander";

import { deviceOption, filePath, wholeNumber } from "../arguments.ts";
import type { EvaluateFlags } from "../evaluate.ts";
import type { Surroundings } from "../surroundings.ts";

/** Longer than any sequence that a policy is made for. */
const MOST_TOKENS = 2 ** 20;

export function addEvaluate(program: Command, surroundings: Surroundings): void {
  program
    .command("evaluate")
    .description("score a checkpoint on held-out edits, beside the source copied unchanged")
    .argument("<checkpoint>", "checkpoint folder, or a run (its best checkpoint is taken)", filePath)
    .option("--data <dir>", "dataset folder (required)", filePath)
    .addOption(
      new Option("--split <split>", "part of the dataset")
        .choices(["train", "validation", "test"])
        .default("test"),
    )
    .option("--size <n>", "edits at most", wholeNumber(1), 512)
    .addOption(deviceOption())
    .option("--seed <n>", "of the sampling", wholeNumber(0), 0)
    .option(
      "--max-tokens <n>",
      "longest completion (default: what the pictures need)",
      wholeNumber(1, MOST_TOKENS),
    )
    .option("--thought", "the policy writes a thought before the picture")
    .option("--free-grid-text", "the policy writes the grid's rows*columns itself")
    .option("--tasks", "print a table for each kind of edit as well")
    .option("--out <file>", "write the results as JSON, too", filePath)
    .action(async (checkpoint: string, flags: EvaluateFlags) => {
      const { evaluate } = await import("../evaluate.ts");
      await evaluate(checkpoint, flags, surroundings);
    });
}
