/** From a model's reply about a paper to a class with its quote, or to why it is asked again. */

import { z } from "zod";

import type { Outcome } from "../judge/attempt.ts";
import type { AnswerReader } from "../judge/judge-model.ts";
import { jsonIn } from "../judge/json-reply.ts";
import { answered } from "../judge/score-readers.ts";
import type { QuotableText } from "./find-quote.ts";
import type { ReviewQuestion } from "./questions.ts";

const Vote = z.object({
  class: z.string(),
  /** As it stands in the text; "" for the class of what the text does not speak of. */
  quote: z.string(),
  reason: z.string(),
});
export type Vote = z.infer<typeof Vote>;

const Reply = z.looseObject({
  class: z.string(),
  quote: z.string().nullish(),
  reason: z.string().nullish().catch(""),
});
/** Of a reason, for people. */
const LONGEST_REASON = 400;
/** A longer quote is no passage but the paper. */
const LONGEST_QUOTE = 1500;

export function reviewReader(question: ReviewQuestion, text: QuotableText): AnswerReader<Vote> {
  return {
    name: `review ${question.id}`,
    // What was remembered holds for this text, or is asked again.
    schema: Vote.refine((vote) => typeof faultless(vote, question, text) !== "string"),
    read: ({ text: reply }) => readReply(reply, question, text),
  };
}

function readReply(reply: string, question: ReviewQuestion, text: QuotableText): Outcome<Vote> {
  const json = jsonIn(reply);
  if (json === undefined) return unparsable(`no JSON in ${excerpt(reply)}`);
  const parsed = Reply.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return unparsable(`${issue?.path.join(".") ?? "reply"}: ${issue?.message ?? "is wrong"}`);
  }
  const { class: said, quote, reason } = parsed.data;
  const vote = {
    class: said.trim().toLowerCase(),
    quote: quote ?? "",
    reason: (reason ?? "")
      .replaceAll(/[\s\p{Cc}]+/gu, " ")
      .trim()
      .slice(0, LONGEST_REASON),
  };
  const read = faultless(vote, question, text);
  return typeof read === "string" ? unparsable(read) : answered(read);
}

/** The vote with its quote as the text has it, or what is wrong with it. */
function faultless(vote: Vote, { classes, absent }: ReviewQuestion, text: QuotableText): Vote | string {
  const names = classes.map(({ name }) => name);
  if (!names.includes(vote.class)) {
    return `the class ${JSON.stringify(vote.class)} is none of ${names.join(", ")}`;
  }
  if (vote.class === absent) return { ...vote, quote: "" };
  if (vote.quote.length > LONGEST_QUOTE) return "the quote is longer than a passage";
  const found = text.find(vote.quote);
  return typeof found === "string" ? found : { ...vote, quote: found.text };
}

function unparsable(reason: string): Outcome<never> {
  return { status: "unparsable", reason };
}

function excerpt(reply: string): string {
  return JSON.stringify(reply.replaceAll(/\s+/g, " ").trim().slice(0, 120));
}
