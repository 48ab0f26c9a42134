/** A vision-language model as a judge, with a memory of what it answered. */

import type { z } from "zod";
import type { AnswerMemory, ModelAnswer } from "./answer-memory.ts";
import type { Outcome } from "./attempt.ts";
import type { ChatQuestion } from "./chat-body.ts";
import type { ChatModel, ReadReply } from "./chat-model.ts";
import type { ModelSettings } from "./judge-settings.ts";

/** How replies are read, and what a remembered answer looks like. */
export interface AnswerReader<Answer> {
  /** Tells readers apart that make different things of one reply. */
  readonly name: string;
  readonly schema: z.ZodType<Answer>;
  readonly read: ReadReply<Answer>;
}

export class JudgeModel implements AsyncDisposable {
  readonly #chat: ChatModel;
  readonly #settings: ModelSettings;
  readonly #memory: AnswerMemory;

  /** Owns the chat model and the memory. */
  constructor(chat: ChatModel, settings: ModelSettings, memory: AnswerMemory) {
    this.#chat = chat;
    this.#settings = settings;
    this.#memory = memory;
  }

  /** `name` says in reports which question it is. Rejects only when the signal aborts. */
  async ask<Answer>(
    name: string,
    question: Omit<ChatQuestion, "maxTokens">,
    { name: reader, schema, read }: AnswerReader<Answer>,
    signal: AbortSignal,
  ): Promise<ModelAnswer<Answer>> {
    const { model, temperature, maxTokens, structured, leastSide, mostPixels } = this.#settings;
    const { text, pictures, schema: replySchema, alternatives, repeat } = question;
    const sampling = { temperature, maxTokens, schema: structured ? replySchema : undefined, alternatives };
    const shown = { pictures: pictures.map((one) => this.#memory.hashOf(one)), leastSide, mostPixels };
    return this.#memory.recall(
      {
        name,
        key: ["chat", model, reader, text, shown, sampling, repeat],
        schema,
        ask: async (stop) => this.#chat.ask({ ...question, maxTokens }, read, stop),
      },
      signal,
    );
  }

  /** Names of the models that each server has, by its address, or why it does not list them. */
  async models(signal: AbortSignal): Promise<Map<string, Outcome<string[]>>> {
    return this.#chat.models(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chat[Symbol.asyncDispose]();
    this.#memory[Symbol.dispose]();
  }
}
