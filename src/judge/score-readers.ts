/** What is made of replies that hold two scores: as they are written, or as they are expected of the tokens. */

import { z } from "zod";
import { NO_USAGE, type Outcome } from "./attempt.ts";
import { expectedScores } from "./expected-scores.ts";
import type { AnswerReader } from "./judge-model.ts";
import { parseScores } from "./parse-scores.ts";
import { MAX_SCORE } from "./prompts.ts";
import type { ChatReply } from "./read-chat-reply.ts";

/** Tokens at each place whose probability is asked for: the most that OpenAI gives, and vLLM unless told otherwise. */
export const ALTERNATIVES = 20;

const score = z.number().min(0).max(MAX_SCORE);
const TwoScores = z.object({ scores: z.tuple([score, score]), reasoning: z.string() });
export type TwoScores = z.infer<typeof TwoScores>;

const WRITTEN: AnswerReader<TwoScores> = { name: "written", schema: TwoScores, read: readWritten };
const EXPECTED: AnswerReader<TwoScores> = { name: "expected", schema: TwoScores, read: readExpected };

/** How a rubric's scores are read, and what has to be asked for besides the text. */
export function scoreReader(scoring: "text" | "expected"): {
  readonly reader: AnswerReader<TwoScores>;
  readonly asking: { readonly alternatives?: number };
} {
  return scoring === "text"
    ? { reader: WRITTEN, asking: {} }
    : { reader: EXPECTED, asking: { alternatives: ALTERNATIVES } };
}

function readWritten({ text }: ChatReply): Outcome<TwoScores> {
  const parsed = parseScores(text);
  if (parsed.kind === "unparsable") return { status: "unparsable", reason: parsed.reason };
  return answered({ scores: [...parsed.scores], reasoning: parsed.reasoning });
}

function readExpected({ text, tokens }: ChatReply): Outcome<TwoScores> {
  const parsed = parseScores(text);
  if (parsed.kind === "unparsable") return { status: "unparsable", reason: parsed.reason };
  if (tokens === undefined) return withoutProbabilities("expected");
  const [one, two] = expectedScores(text, parsed.places, tokens) ?? [];
  if (one === undefined || two === undefined) {
    const reply = JSON.stringify(text.slice(0, 160));
    return {
      status: "unparsable",
      reason: `the tokens' probabilities are not those of the scores in ${reply}`,
    };
  }
  return answered({ scores: [one, two], reasoning: parsed.reasoning });
}

/** An answer, whose tokens are counted elsewhere. */
export function answered<Answer>(answer: Answer): Outcome<Answer> {
  return { status: "answered", answer, usage: NO_USAGE };
}

/** No further reply will have them. */
export function withoutProbabilities(scoring: string): Outcome<never> {
  return {
    status: "rejected",
    reason: `the server gives no log-probabilities, which scoring: ${scoring} needs; use scoring: text, or a server that gives them`,
  };
}
