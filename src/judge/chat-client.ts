/** The `openai` package at one server: requests out, outcomes back. */

import type { OpenAI } from "openai";
import { z } from "zod";
import type { Clock } from "../runs/clock.ts";
import { NO_USAGE, type Outcome } from "./attempt.ts";
import type { ChatBody } from "./chat-body.ts";
import { connectionFault, httpFault, type Fault } from "./fault.ts";
import { fetchThrough, type ReplyTexts } from "./fetch-through.ts";
import { readChatReply, type ChatReply } from "./read-chat-reply.ts";
import type { ServerConnection } from "./server-connection.ts";

/** Of a server that wants no key. The package insists on one. */
const NO_KEY = "none";
/** The package's own deadline, out of the way of those of the calls. */
const NO_DEADLINE_MS = 2 ** 31 - 1;

const HttpError = z.object({
  status: z.int(),
  headers: z.instanceof(Headers),
  error: z.object({ message: z.string() }),
});

const ModelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) });

export class ChatClient {
  readonly #client: OpenAI;
  readonly #connection: ServerConnection;
  readonly #clock: Clock;
  readonly #texts: ReplyTexts;

  private constructor(client: OpenAI, connection: ServerConnection, texts: ReplyTexts, clock: Clock) {
    this.#texts = texts;
    this.#client = client;
    this.#connection = connection;
    this.#clock = clock;
  }

  static async open(connection: ServerConnection, clock: Clock): Promise<ChatClient> {
    const { OpenAI: Client } = await import("openai");
    const { url: baseURL, key } = connection;
    const texts: ReplyTexts = new WeakMap();
    const client = new Client({
      baseURL,
      fetch: fetchThrough(connection, texts),
      maxRetries: 0,
      timeout: NO_DEADLINE_MS,
      logLevel: "off",
      apiKey: key ?? NO_KEY,
      ...(key === undefined && { defaultHeaders: { authorization: null } }),
      // What the package would otherwise look up in the environment.
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
    });
    return new ChatClient(client, connection, texts, clock);
  }

  /** One request. Rejects only with what the signal's abort leads to. */
  async complete(body: ChatBody, signal: AbortSignal): Promise<Outcome<ChatReply>> {
    try {
      const reply = await this.#client.chat.completions.create(body, { signal }).asResponse();
      return readChatReply(this.#connection.redact(this.#texts.get(reply) ?? ""));
    } catch (error) {
      signal.throwIfAborted();
      const fault = this.#faultOf(error);
      return fault.http === 404
        ? { ...fault, reason: await this.#whyNotFound(body.model, fault.reason, signal) }
        : fault;
    }
  }

  /** Names of the models that the server has, or why it does not list them. Rejects as `complete` does. */
  async models(signal: AbortSignal): Promise<Outcome<string[]>> {
    try {
      const list = ModelList.safeParse(await this.#client.models.list({ signal }));
      if (list.success) {
        return { status: "answered", answer: list.data.data.map(({ id }) => id), usage: NO_USAGE };
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SyntaxError)) return this.#faultOf(error);
    }
    return { status: "malformed", reason: "it replies with something else than a list of models" };
  }

  #faultOf(error: unknown): Fault {
    const http = HttpError.safeParse(error);
    if (!http.success) return connectionFault(error, this.#connection);
    const { status, headers, error: said } = http.data;
    return httpFault({ status, headers, message: said.message }, this.#connection, this.#clock.now());
  }

  /** A server that does not know the model says which ones it does; one that lists none speaks another protocol. */
  async #whyNotFound(model: string, reason: string, signal: AbortSignal): Promise<string> {
    const listed = await this.models(signal);
    if (listed.status !== "answered") {
      return `${reason}; does the address end in /v1, as chat servers want it?`;
    }
    const known = listed.answer;
    if (known.includes(model)) return reason;
    return `the server does not know the model "${model}"; it knows ${known.join(", ") || "none"}`;
  }
}
