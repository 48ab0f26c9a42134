/**
 * A reward model that somebody serves, asked in plain JSON: POST `{ instruction, source, edited }`, the pictures as PNG
 * data URLs, for `{ score, parts?, reasoning? }`. JSON alone: nothing is unpickled, nothing runs.
 */

import sharp from "sharp";
import { z } from "zod";
import type { Picture } from "../images/picture.ts";
import type { AnswerMemory, ModelAnswer } from "./answer-memory.ts";
import { NO_USAGE, type Outcome } from "./attempt.ts";
import { connectionFault, httpFault } from "./fault.ts";
import type { HttpReply } from "./http-exchange.ts";
import type { ServerSettings } from "./judge-settings.ts";
import { isFine, retryHeaders, type ServerConnection } from "./server-connection.ts";
import { PictureUrls } from "./picture-urls.ts";
import { JudgeServers, type Surroundings } from "./servers.ts";
import type { JudgedPictures } from "./viescore.ts";

const JsonScore = z.object({
  score: z.number(),
  parts: z.record(z.string(), z.number()).default({}),
  reasoning: z.string().optional(),
});
export type JsonScore = z.infer<typeof JsonScore>;

export interface JsonScorerOptions {
  /** Least and greatest score that is believed. */
  readonly range: readonly [number, number];
  /** Tells models apart whose answers are remembered; undefined where they are not. */
  readonly version: string | undefined;
}

export class JsonScorer implements AsyncDisposable {
  readonly #servers: JudgeServers;
  readonly #options: JsonScorerOptions;
  readonly #memory: AnswerMemory;
  readonly #surroundings: Surroundings;
  readonly #urls = new PictureUrls(pngUrlOf);

  /** Owns the memory. */
  constructor(
    settings: ServerSettings,
    options: JsonScorerOptions,
    memory: AnswerMemory,
    surroundings: Surroundings,
  ) {
    this.#servers = new JudgeServers(settings, surroundings);
    this.#options = options;
    this.#memory = memory;
    this.#surroundings = surroundings;
  }

  /** Rejects only when the signal aborts. */
  async score(
    { instruction, source, edited }: JudgedPictures,
    signal: AbortSignal,
  ): Promise<ModelAnswer<JsonScore>> {
    const { version, range } = this.#options;
    const pictures = [source, edited].map((picture) => this.#memory.hashOf(picture));
    const [least, greatest] = range;
    return this.#memory.recall(
      {
        name: "score",
        key: version === undefined ? undefined : ["json", version, range, instruction, ...pictures],
        schema: JsonScore.refine(({ score }) => score >= least && score <= greatest),
        ask: async (stop) => {
          let body: string | undefined;
          using urls = this.#urls.use([source, edited]);
          return await this.#servers.ask(
            {
              tokens: 0,
              prepare: () => urls.begin(),
              send: async (connection, { signal: now }) => {
                const [before, after] = await urls.read();
                body ??= JSON.stringify({ instruction, source: before, edited: after });
                return this.#post(connection, body, now);
              },
            },
            stop,
          );
        },
      },
      signal,
    );
  }

  /** Closes the sockets. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers[Symbol.asyncDispose]();
    this.#memory[Symbol.dispose]();
  }

  async #post(connection: ServerConnection, body: string, signal: AbortSignal): Promise<Outcome<JsonScore>> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (connection.key !== undefined) headers["authorization"] = `Bearer ${connection.key}`;
    let reply: HttpReply;
    try {
      const url = new URL(connection.url);
      reply = await connection.send({ url, method: "POST", headers, body, signal });
    } catch (error) {
      signal.throwIfAborted();
      return connectionFault(error, connection);
    }
    if (!isFine(reply)) {
      const { status, text: message } = reply;
      const fault = { status, headers: retryHeaders(reply), message };
      return httpFault(fault, connection, this.#surroundings.timers.now());
    }
    const text = connection.redact(reply.text);
    return this.#read(text);
  }

  #read(text: string): Outcome<JsonScore> {
    const excerpt = JSON.stringify(text.slice(0, 160));
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return { status: "malformed", reason: `the reply is not JSON: ${excerpt}` };
    }
    const read = JsonScore.safeParse(json);
    if (!read.success) return { status: "malformed", reason: `the reply holds no score: ${excerpt}` };
    const [least, greatest] = this.#options.range;
    const { score } = read.data;
    if (score >= least && score <= greatest)
      return { status: "answered", answer: read.data, usage: NO_USAGE };
    return { status: "unparsable", reason: `the score ${score} is outside of ${least} to ${greatest}` };
  }
}

/** Without loss: a reward model may have been trained on such pictures. */
async function pngUrlOf({ width, height, pixels }: Picture): Promise<string> {
  const file = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${file.toString("base64")}`;
}
