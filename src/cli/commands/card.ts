/** What `earl card` is typed with; ../card*.ts do it, and are loaded when they are asked for. */

import type { Command } from "commander";

import { filePath, filePaths, wholeNumber } from "../arguments.ts";
import type { CardFlags } from "../card.ts";
import type { CardAgreementFlags } from "../card-agreement.ts";
import type { ClassifyFlags } from "../card-classify.ts";
import type { Surroundings } from "../surroundings.ts";
import { asking } from "./judge.ts";

const MOST_PICTURES = 1000;
const MOST_REPEATS = 101;

export function addCard(program: Command, surroundings: Surroundings): void {
  const card = program
    .command("card")
    .description("write a model card of a run: `earl card RUN`; or ask of papers what a card answers");
  card
    .command("run", { isDefault: true })
    .description("write a model card: results, pictures, and what a reproducibility review asks")
    .argument("<run>", "a run's folder, e.g. runs/demo", filePath)
    .option("--out <file>", "the file to write; README.md in the run's folder unless given", filePath)
    .option("--title <name>", "what the model is called; the run's name unless given")
    .option("--affiliation <name>", "where it was made")
    .option("--licence <id>", "what the model may be used under, as the hub abbreviates it: apache-2.0")
    .option("--pictures <n>", "edits that are shown", wholeNumber(0, MOST_PICTURES), 4)
    .action(async (run: string, flags: CardFlags) => {
      const { card: write } = await import("../card.ts");
      await write(run, flags, surroundings);
    });

  asking(card.command("classify"), "the model")
    .description("ask a model what a reproducibility review asks, about papers: classes with quotes")
    .argument("<papers...>", "text of a paper: .txt or .md; may be repeated", filePaths)
    .option("--out <file>", "file to write, .json or .md (default: Markdown on standard output)", filePath)
    .option("--json", "print JSON")
    .option("--repeats <n>", "times that each question is asked (default: 5)", wholeNumber(1, MOST_REPEATS))
    .action(async (papers: string[], flags: ClassifyFlags) => {
      const { classifyPapers } = await import("../card-classify.ts");
      await classifyPapers(papers, flags, surroundings);
    });

  card
    .command("agreement")
    .description("compare answers about papers with labels by hand: accuracy, Cohen's κ, confusion")
    .argument("<answers>", "what `earl card classify --out answers.json` wrote", filePath)
    .argument(
      "<labels>",
      "CSV, JSON lines or JSON of paper, question and class, or a column a question",
      filePath,
    )
    .option("--json", "print JSON")
    .action(async (answers: string, labels: string, flags: CardAgreementFlags) => {
      const { compareWithLabels } = await import("../card-agreement.ts");
      await compareWithLabels(answers, labels, flags, surroundings);
    });
}
