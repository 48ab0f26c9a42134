/** What `earl card` is typed with; ../card.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { filePath } from "../arguments.ts";
import type { CardFlags } from "../card.ts";
import type { Surroundings } from "../surroundings.ts";

export function addCard(program: Command, surroundings: Surroundings): void {
  program
    .command("card")
    .description("write a model card of a run: results, pictures, and what a reproducibility review asks")
    .argument("<run>", "a run's folder, e.g. runs/demo", filePath)
    .option("--out <file>", "the file to write; README.md in the run's folder unless given", filePath)
    .option("--title <name>", "what the model is called; the run's name unless given")
    .option("--affiliation <name>", "where it was made")
    .option("--pictures <n>", "edits that are shown", Number, 4)
    .action(async (run: string, flags: CardFlags) => {
      const { card } = await import("../card.ts");
      await card(run, flags, surroundings);
    });
}
