/** What was found out about papers: the file that `earl card classify` writes, and the same as Markdown. */

import { z } from "zod";

import { QUESTIONS } from "./questions.ts";
import { markdownText } from "../report/markdown-text.ts";

const Answered = z.object({
  question: z.string(),
  class: z.string(),
  /** As it stands in the text; absent for the class of what a text does not speak of. */
  quote: z.string().exactOptional(),
  /** Of the text, from 1, where the quote begins. */
  line: z.int().exactOptional(),
  reason: z.string(),
  /** Share of the answers that agree with the class, 0…1. */
  confidence: z.number(),
  /** Answers by class. */
  votes: z.record(z.string(), z.int()),
  /** Times it was asked and not answered. */
  failed: z.int(),
});
const Unanswered = z.object({ question: z.string(), failed: z.int(), fault: z.string() });

export const PaperReview = z.object({
  paper: z.string(),
  file: z.string(),
  sha256: z.string(),
  characters: z.int(),
  /** Into how many the paper was cut to be asked about. */
  parts: z.int(),
  answers: z.array(z.union([Answered, Unanswered])),
});
export type PaperReview = z.infer<typeof PaperReview>;
export type PaperAnswer = PaperReview["answers"][number];

export const ReviewFile = z.object({
  model: z.string(),
  temperature: z.number(),
  repeats: z.int(),
  /** SHA-256 of what was asked. */
  prompts: z.string(),
  papers: z.array(PaperReview),
});
export type ReviewFile = z.infer<typeof ReviewFile>;

/** A heading and a table a paper. */
export function reviewMarkdown({ model, temperature, repeats, prompts, papers }: ReviewFile): string {
  const parts = papers.flatMap(({ paper, sha256, characters, parts: cut, answers }) => [
    `# ${markdownText(paper)}`,
    [line(["question", "class", "confidence", "quote"]), line(["---", "---", "---", "---"])]
      .concat(answers.map(rowOf))
      .join("\n"),
    `${characters} characters${cut > 1 ? ` in ${cut} parts` : ""}, SHA-256 \`${sha256}\`.`,
  ]);
  const asked = `Asked of ${markdownText(model)}, ${repeats === 1 ? "once" : `${repeats} times`} at temperature ${temperature}, with the questions \`${prompts.slice(0, 12)}\`. Confidence is the share of the answers that agree with the class. Every quote was looked up in the text; "line" is where it begins there.`;
  return `${[...parts, asked].join("\n\n")}\n`;
}

function rowOf(answer: PaperAnswer): string {
  const title = QUESTIONS.find(({ id }) => id === answer.question)?.title ?? answer.question;
  if ("fault" in answer) return line([title, "not answered", "", markdownText(answer.fault)]);
  const { quote, line: place, confidence, votes, failed, reason } = answer;
  const count = Object.values(votes).reduce((sum, one) => sum + one, 0);
  const others = Object.entries(votes).filter(([name]) => name !== answer.class);
  const dissent =
    others.length === 0 ? "" : `; ${others.map(([name, times]) => `${name} ${times}`).join(", ")}`;
  const missing = failed === 0 ? "" : `; ${failed} failed`;
  return line([
    title,
    answer.class,
    `${confidence.toFixed(2)} (${Math.round(confidence * count)} of ${count}${dissent}${missing})`,
    quote === undefined ? markdownText(reason) : `“${markdownText(quote)}” (line ${place})`,
  ]);
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
