/** What is asked of a chat model in words of the protocol, and what of it a server turns out not to take. */

import type { OpenAI } from "openai";
import type { Picture } from "../images/picture.ts";
import type { Outcome } from "./attempt.ts";
import type { ModelSettings } from "./judge-settings.ts";

export interface ChatQuestion {
  readonly text: string;
  /** After the text, in this order. */
  readonly pictures: readonly Picture[];
  readonly maxTokens: number;
  /** JSON schema of the reply, for servers that can hold a model to one. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** Log-probabilities of so many tokens at each place; none unless given. */
  readonly alternatives?: number;
  /** Tells the answers to one question apart, from 0. */
  readonly repeat: number;
}

/** True for what a server does not take. */
export interface Refused {
  readonly schema: boolean;
  /** `max_tokens`, which OpenAI's reasoning models take under its newer name alone. */
  readonly maxTokens: boolean;
  /** Any but their own. */
  readonly temperature: boolean;
}

export type ChatContent = OpenAI.Chat.ChatCompletionContentPart[];
export type ChatBody = OpenAI.Chat.ChatCompletionCreateParamsNonStreaming;

/** Temperature at which a question is asked again: at 0 the model would say the same once more. */
const LEAST_REASK_TEMPERATURE = 0.7;
/** Seeds of one repeat lie this far from the next one's. */
const SEEDS_A_REPEAT = 1000;

/** Text first, then the pictures, as data URLs. */
export function chatContent(text: string, urls: readonly string[]): ChatContent {
  return [{ type: "text", text }, ...urls.map((url) => ({ type: "image_url" as const, image_url: { url } }))];
}

/** `reasks` counts the replies that could not be read, from 0: the next one is to be another. */
export function chatBody(
  { model, temperature: wanted }: Pick<ModelSettings, "model" | "temperature">,
  { maxTokens, schema, alternatives, repeat }: ChatQuestion,
  {
    content,
    refused,
    reasks,
  }: { readonly content: ChatContent; readonly refused: Refused; readonly reasks: number },
): ChatBody {
  const temperature = reasks === 0 ? wanted : Math.max(wanted, LEAST_REASK_TEMPERATURE);
  return {
    model,
    messages: [{ role: "user", content }],
    ...(refused.maxTokens ? { max_completion_tokens: maxTokens } : { max_tokens: maxTokens }),
    ...(!refused.temperature && { temperature }),
    // A seed makes a reply repeatable, and another one makes it another.
    ...(!refused.temperature && temperature > 0 && { seed: SEEDS_A_REPEAT * repeat + reasks }),
    ...(schema !== undefined &&
      !refused.schema && {
        response_format: { type: "json_schema", json_schema: { name: "verdict", strict: true, schema } },
      }),
    ...(alternatives !== undefined && { logprobs: true, top_logprobs: alternatives }),
  };
}

/** What to leave out after a request was refused; undefined where that would not help. */
export function refusedPart(outcome: Outcome<unknown>, body: ChatBody): keyof Refused | undefined {
  if (outcome.status !== "rejected" || (outcome.http !== 400 && outcome.http !== 422)) return undefined;
  if (body.max_tokens !== undefined && /max_completion_tokens/i.test(outcome.reason)) return "maxTokens";
  if (body.temperature !== undefined && /temperature/i.test(outcome.reason)) return "temperature";
  // Servers name the fault of a schema in many ways, and some in none.
  return body.response_format === undefined ? undefined : "schema";
}
