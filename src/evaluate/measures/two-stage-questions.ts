/**
 * I2EBench's two stages: a model that sees the picture answers a question about it; then it is told the right answer,
 * without the picture, and says whether the two agree. The words are ours.
 */

import { z } from "zod";

import type { ExpectedEdit } from "../../data/edit-dataset.ts";
import type { Picture } from "../../images/picture.ts";
import { NO_USAGE } from "../../judge/attempt.ts";
import type { AnswerReader, JudgeModel } from "../../judge/judge-model.ts";
import type { QuestionAsker } from "../benchmark.ts";

type Question = NonNullable<ExpectedEdit["question"]>;

const ANSWER: AnswerReader<string> = {
  name: "plain text",
  schema: z.string(),
  read: ({ text }) =>
    text.trim() === ""
      ? { status: "unparsable", reason: "the answer is empty" }
      : { status: "answered", answer: text.trim(), usage: NO_USAGE },
};

const AGREEMENT: AnswerReader<boolean> = {
  name: "yes or no",
  schema: z.boolean(),
  read: ({ text }) => {
    const isRight = yesOrNo(text);
    return isRight === undefined
      ? { status: "unparsable", reason: "the answer is neither yes nor no" }
      : { status: "answered", answer: isRight, usage: NO_USAGE };
  },
};

/** What a reply says, where it says one of the two alone. */
export function yesOrNo(text: string): boolean | undefined {
  const said = new Set(text.toLowerCase().match(/\b(?:yes|no)\b/g));
  return said.size === 1 ? said.has("yes") : undefined;
}

/** Asks a judge's model; whoever opened the model closes it. A judge that fails in either stage gives no answer. */
export function twoStageQuestions(model: JudgeModel, signal: AbortSignal): QuestionAsker {
  return {
    async isRight(picture: Picture, { text, answer: right }: Question): Promise<boolean | undefined> {
      const seen = await model.ask(
        "question",
        { text: `${text}\nAnswer in one short sentence.`, pictures: [picture], repeat: 0 },
        ANSWER,
        signal,
      );
      if (seen.kind !== "answered") return undefined;
      const told = await model.ask(
        "answer-check",
        { text: comparison(text, right, seen.answer), pictures: [], repeat: 0 },
        AGREEMENT,
        signal,
      );
      return told.kind === "answered" ? told.answer : undefined;
    },
  };
}

function comparison(question: string, right: string, given: string): string {
  return [
    "Somebody looked at a picture and answered a question about it.",
    `The question: ${question}`,
    `What is true of the picture: ${right}`,
    `What was answered: ${given}`,
    "Does the answer agree with what is true? Say yes or no, nothing else.",
  ].join("\n");
}
