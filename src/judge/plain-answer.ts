/** What a judge's model says to something that is no question about an edit. */

import { z } from "zod";
import type { ModelAnswer } from "./answer-memory.ts";
import type { ChatQuestion } from "./chat-body.ts";
import type { AnswerReader, JudgeModel } from "./judge-model.ts";
import { ALTERNATIVES, answered } from "./score-readers.ts";
import { withoutThinking } from "./thinking.ts";

const WORDS: AnswerReader<string> = {
  name: "words",
  schema: z.string(),
  read: ({ text }) => answered(withoutThinking(text).text),
};

/** Its words, without thoughts. Rejects only when the signal aborts. */
export async function plainAnswer(
  model: JudgeModel,
  question: Pick<ChatQuestion, "text" | "pictures">,
  signal: AbortSignal,
): Promise<ModelAnswer<string>> {
  return model.ask("trial", { ...question, repeat: 0 }, WORDS, signal);
}

const HAS_TOKENS: AnswerReader<boolean> = {
  name: "has tokens",
  schema: z.boolean(),
  read: ({ tokens }) =>
    answered(tokens !== undefined && tokens.some(({ alternatives }) => alternatives.length > 1)),
};

/** Whether the server tells the probabilities of tokens, which finer scores are made of; or why nobody knows. */
export async function givesProbabilities(
  model: JudgeModel,
  signal: AbortSignal,
): Promise<ModelAnswer<boolean>> {
  const question = { text: "Say yes or no.", pictures: [], alternatives: ALTERNATIVES, repeat: 0 };
  return model.ask("trial", question, HAS_TOKENS, signal);
}
