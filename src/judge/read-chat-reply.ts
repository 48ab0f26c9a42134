/**
 * What a chat-completions server replied, read as servers really write it: usage that is null, content in parts,
 * thoughts in fields of their own, errors under status 200, no choice at all.
 */

import { z } from "zod";
import type { Outcome, Usage } from "./attempt.ts";
import { NO_USAGE } from "./attempt.ts";

/** A token of the reply, and those that could have stood in its place. */
export interface TokenChoice {
  readonly token: string;
  readonly logprob: number;
  readonly alternatives: readonly { readonly token: string; readonly logprob: number }[];
}

export interface ChatReply {
  readonly text: string;
  /** Undefined where the server gave no log-probabilities. */
  readonly tokens: readonly TokenChoice[] | undefined;
}

const Token = z.looseObject({ token: z.string(), logprob: z.number() });
const TokenWithOthers = Token.extend({ top_logprobs: z.array(Token).nullish() });
const Part = z.looseObject({ type: z.string().nullish(), text: z.string().nullish() });
const Message = z.looseObject({
  content: z.union([z.string(), z.array(Part)]).nullish(),
  refusal: z.string().nullish(),
  reasoning: z.unknown().optional(),
  reasoning_content: z.unknown().optional(),
});
const Choice = z.looseObject({
  message: Message,
  finish_reason: z.string().nullish(),
  logprobs: z
    .looseObject({ content: z.array(TokenWithOthers).nullish() })
    .nullish()
    .catch(undefined),
});
const count = z.number().nonnegative().catch(0);
const Completion = z.looseObject({
  choices: z.array(Choice),
  usage: z.looseObject({ prompt_tokens: count, completion_tokens: count }).nullish().catch(undefined),
});
const Failure = z.looseObject({
  error: z.union([z.string(), z.looseObject({ message: z.string(), code: z.unknown().optional() })]),
});

/** The reply's text, or why there is none. `body` is the HTTP reply's text. */
export function readChatReply(body: string): Outcome<ChatReply> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { status: "malformed", reason: `the reply is not JSON: ${excerpt(body)}` };
  }
  const completion = Completion.safeParse(json);
  if (!completion.success)
    return (
      reported(json) ?? { status: "malformed", reason: `the reply is no chat completion: ${excerpt(body)}` }
    );
  const { choices, usage: counted } = completion.data;
  const usage: Usage =
    counted === null || counted === undefined
      ? NO_USAGE
      : { inputTokens: counted.prompt_tokens, outputTokens: counted.completion_tokens };
  const [choice] = choices;
  if (choice === undefined) return { status: "empty", reason: "the reply has no choices", usage };
  return { ...readChoice(choice), usage };
}

function readChoice({
  message,
  finish_reason: finish,
  logprobs,
}: z.infer<typeof Choice>): Outcome<ChatReply> {
  const text = textOf(message.content);
  if (message.refusal !== null && message.refusal !== undefined && message.refusal !== "") {
    return { status: "refused", reason: `the model refused: ${excerpt(message.refusal)}` };
  }
  if (finish === "content_filter")
    return { status: "refused", reason: "the server's filter withheld the reply" };
  if (finish === "length") {
    const reason =
      text.trim() === "" ? "nothing but white space or thoughts" : `cut off at the limit: ${excerpt(text)}`;
    return { status: "truncated", reason: `the reply filled maxTokens, ${reason}` };
  }
  if (text.trim() === "") {
    const isThought = [message.reasoning, message.reasoning_content].some((thought) => Boolean(thought));
    return { status: "empty", reason: isThought ? "the reply holds thoughts alone" : "the reply is empty" };
  }
  const tokens = logprobs?.content?.map(({ token, logprob, top_logprobs: others }) => ({
    token,
    logprob,
    alternatives: others ?? [],
  }));
  return { status: "answered", answer: { text, tokens }, usage: NO_USAGE };
}

/** Content as text; in parts, those of type `text` (some servers leave the type out). */
function textOf(content: z.infer<typeof Message>["content"]): string {
  if (typeof content === "string") return content;
  return (content ?? [])
    .filter(({ type }) => type === "text" || type === "output_text" || type === null || type === undefined)
    .map(({ text }) => text ?? "")
    .join("");
}

/** Routers pass on the errors of whoever they asked under status 200. */
function reported(json: unknown): Outcome<ChatReply> | undefined {
  const failure = Failure.safeParse(json);
  if (!failure.success) return undefined;
  const { error } = failure.data;
  const { message, code } = typeof error === "string" ? { message: error, code: undefined } : error;
  const reason = `the server reported: ${excerpt(message)}`;
  if (Number(code) === 429) return { status: "throttled", reason };
  return { status: Number(code) >= 500 ? "server-error" : "malformed", reason };
}

/** The beginning of a text, on one line. */
function excerpt(text: string): string {
  const line = text.slice(0, 200).replaceAll(/\s+/g, " ").trim();
  return JSON.stringify(text.length > 200 ? `${line}…` : line);
}
