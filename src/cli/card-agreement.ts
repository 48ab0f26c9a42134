/** `earl card agreement ANSWERS LABELS`: how well answers about papers agree with labels by hand. */

import type { Interval } from "../algorithms/statistics.ts";
import { readClassList } from "../card/class-list.ts";
import { paperAgreement, type PaperAgreement, type QuestionAgreement } from "../card/paper-agreement.ts";
import { titleOf, type QuestionId } from "../card/questions.ts";
import { formatTable, printable } from "../format.ts";
import type { Surroundings } from "./surroundings.ts";

export interface CardAgreementFlags {
  readonly json?: true;
}

/** Throws DataError for lists that cannot be read, or have nothing in common. */
export async function compareWithLabels(
  answers: string,
  labels: string,
  { json }: CardAgreementFlags,
  { stdout }: Surroundings,
): Promise<void> {
  const agreement = paperAgreement(await readClassList(answers), await readClassList(labels));
  // JSON knows no infinity: an interval without ends has null for both.
  stdout.write(json === true ? `${JSON.stringify(agreement, null, 2)}\n` : report(agreement));
}

function report(agreement: PaperAgreement): string {
  const { questions, all, byConfidence } = agreement;
  const seen = questions.filter(({ papers, unanswered }) => papers + unanswered > 0);
  const figures = formatTable([
    ["question", "papers", "accuracy", "95 %", "Cohen's κ", "95 %", "unanswered"],
    ...seen.map(({ question, papers, accuracy, kappa, unanswered }) => [
      titleOf(question as QuestionId),
      String(papers),
      ...estimate(accuracy),
      ...estimate(kappa),
      String(unanswered),
    ]),
    [
      "all",
      `${all.papers} (${all.pairs} pairs)`,
      ...estimate(all.accuracy),
      ...estimate(all.kappa),
      String(all.unanswered),
    ],
  ]);
  const parts = [
    figures,
    ...(byConfidence === undefined
      ? []
      : [
          formatTable([
            ["by confidence", "pairs", "accuracy", "95 %"],
            [
              "all repeats agree",
              String(byConfidence.unanimous.pairs),
              ...estimate(byConfidence.unanimous.accuracy),
            ],
            ["they differ", String(byConfidence.divided.pairs), ...estimate(byConfidence.divided.accuracy)],
          ]),
        ]),
    ...seen.filter(({ papers }) => papers > 0).map(confusionTable),
    ...notes(agreement),
  ];
  return `${parts.join("\n\n")}\n`;
}

function confusionTable({ question, classes, confusion }: QuestionAgreement): string {
  return formatTable([
    [`${titleOf(question as QuestionId)}: label ↓ answer →`, ...classes],
    ...classes.map((name, label) => [name, ...confusion[label]!.map(String)]),
  ]);
}

function notes({ questions, withoutAnswer, withoutLabel }: PaperAgreement): string[] {
  const named = (papers: readonly string[]): string =>
    `${papers
      .slice(0, 3)
      .map((paper) => printable(paper))
      .join(", ")}${papers.length > 3 ? ", …" : ""}`;
  const isOneClass = questions.some(({ papers, kappa }) => papers > 0 && kappa === undefined);
  return [
    "Accuracy of a question has Wilson's interval; κ, and the figures over all, are drawn again over papers. All of κ is the mean over the questions that have one.",
    ...(isOneClass
      ? ["κ is — where both sides know one class alone: nothing tells agreement from habit."]
      : []),
    ...(withoutAnswer.length === 0
      ? []
      : [`Labelled and not answered: ${withoutAnswer.length} papers (${named(withoutAnswer)}).`]),
    ...(withoutLabel.length === 0
      ? []
      : [`Answered and not labelled: ${withoutLabel.length} papers (${named(withoutLabel)}).`]),
  ];
}

function estimate(interval: Interval | undefined): [mean: string, ends: string] {
  if (interval === undefined) return ["—", ""];
  const { mean, low, high } = interval;
  return [mean.toFixed(3), Number.isFinite(low) ? `${low.toFixed(3)} to ${high.toFixed(3)}` : "—"];
}
