/**
 * A vision-language model behind OpenAI-compatible servers (vLLM, SGLang, llama.cpp, Ollama, transformers, hosted):
 * a question with pictures in, an answer out. What a server does not take is left out from then on.
 */

import type { Outcome } from "./attempt.ts";
import {
  chatBody,
  chatContent,
  refusedPart,
  type ChatContent,
  type ChatQuestion,
  type Refused,
} from "./chat-body.ts";
import { ChatClient } from "./chat-client.ts";
import type { ModelSettings, ServerSettings } from "./judge-settings.ts";
import type { ChatReply } from "./read-chat-reply.ts";
import type { Asked } from "./pursuit.ts";
import { PictureUrls } from "./picture-urls.ts";
import { fitted, jpegUrlOf } from "./sent-picture.ts";
import type { ServerConnection } from "./server-connection.ts";
import { JudgeServers, type Surroundings } from "./servers.ts";

/** What a reply is taken for; asked again unless it is answered. */
export type ReadReply<Answer> = (reply: ChatReply) => Outcome<Answer>;

interface Server {
  readonly client: Promise<ChatClient>;
  refused: Refused;
}

/** Pixels of a token in Qwen2.5-VL; others are of that order. */
const PIXELS_A_TOKEN = 28 * 28;
const LETTERS_A_TOKEN = 4;
/** A list costs a server nothing. */
const LISTING_SECONDS = 10;

export class ChatModel implements AsyncDisposable {
  readonly #settings: ModelSettings;
  readonly #surroundings: Surroundings;
  readonly #servers: JudgeServers;
  readonly #known = new Map<ServerConnection, Server>();
  readonly #urls: PictureUrls;

  constructor(settings: ModelSettings & ServerSettings, surroundings: Surroundings) {
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.#servers = new JudgeServers(settings, surroundings);
    this.#urls = new PictureUrls(async (picture) => jpegUrlOf(fitted(picture, settings)));
  }

  /** Asks until `read` is content, as `JudgeServers.ask` does. */
  async ask<Answer>(
    question: ChatQuestion,
    read: ReadReply<Answer>,
    signal: AbortSignal,
  ): Promise<Asked<Answer>> {
    const { mostPixels } = this.#settings;
    const pixels = question.pictures.reduce(
      (sum, { width, height }) => sum + Math.min(width * height, mostPixels),
      0,
    );
    const tokens =
      Math.ceil(question.text.length / LETTERS_A_TOKEN + pixels / PIXELS_A_TOKEN) + question.maxTokens;
    // What this question was refused; it says something about the server only where leaving it out helped.
    let own: Partial<Refused> = {};
    using urls = this.#urls.use(question.pictures);
    // Made when its turn is near: thousands may wait in line.
    let content: ChatContent | undefined;
    return await this.#servers.ask(
      {
        tokens,
        prepare: () => urls.begin(),
        send: async (connection, { signal: stop, reasks }) => {
          content ??= chatContent(question.text, await urls.read());
          const server = this.#serverAt(connection);
          const refused = { ...server.refused, ...own };
          const body = chatBody(this.#settings, question, { content, refused, reasks });
          const outcome = await (await server.client).complete(body, stop);
          if (outcome.status === "answered") {
            server.refused = refused;
            return { ...read(outcome.answer), usage: outcome.usage };
          }
          const part = refusedPart(outcome, body);
          if (part === undefined) return outcome;
          own = { ...own, [part]: true };
          return { ...outcome, isConceded: true };
        },
      },
      signal,
    );
  }

  /** Names of the models that each server has, by its address, or why it does not list them. Asked once. */
  async models(signal: AbortSignal): Promise<Map<string, Outcome<string[]>>> {
    const lists = this.#servers.connections.map(async (connection) => {
      const client = await this.#serverAt(connection).client;
      return [connection.url, await this.#inTime(signal, async (stop) => client.models(stop))] as const;
    });
    return new Map(await Promise.all(lists));
  }

  async #inTime<Answer>(
    signal: AbortSignal,
    ask: (stop: AbortSignal) => Promise<Outcome<Answer>>,
  ): Promise<Outcome<Answer>> {
    const deadline = new AbortController();
    const cancel = this.#surroundings.timers.after(1000 * LISTING_SECONDS, () => deadline.abort());
    try {
      return await ask(AbortSignal.any([signal, deadline.signal]));
    } catch {
      signal.throwIfAborted();
      return { status: "timeout", reason: `no list of models within ${LISTING_SECONDS} s` };
    } finally {
      cancel();
    }
  }

  /** Closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers[Symbol.asyncDispose]();
  }

  #serverAt(connection: ServerConnection): Server {
    const known = this.#known.get(connection);
    if (known !== undefined) return known;
    const server = {
      client: ChatClient.open(connection, this.#surroundings.timers),
      refused: { schema: !this.#settings.structured, maxTokens: false, temperature: false },
    };
    this.#known.set(connection, server);
    return server;
  }
}
