/**
 * The sockets to one server, and what must not leave them: replies without an end, and the key. Sockets are bounded by
 * the server's concurrency and closed with the connection.
 */

import { Agent, request } from "undici";
import { secretFrom } from "../config/env.ts";
import type { EndpointSettings } from "./judge-settings.ts";

/** Far above any verdict: what is longer is cut off and fails. */
export const LARGEST_REPLY_BYTES = 4 * 2 ** 20;
const CONNECT_MS = 10_000;
/** Characters of an error's text that are kept. */
const LONGEST_ERROR = 2000;
/** Bad gateway: whoever sends a status of its own stands between us and the server. */
const UNKNOWN_STATUS = 502;
/** What of a reply's head says when to come back. */
const RETRY_HEADERS = ["retry-after", "retry-after-ms"] as const;

export class ReplyTooLarge extends Error {}

export class ServerConnection implements AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  /** Sent as a bearer token; undefined where there is none. */
  readonly key: string | undefined;
  readonly #agent: Agent;

  constructor({
    url,
    keyVariable,
    concurrency,
  }: Pick<EndpointSettings, "url" | "keyVariable" | "concurrency">) {
    this.url = url.replace(/\/+$/, "");
    this.key = secretFrom(keyVariable);
    // The client has deadlines of its own, longer ones than undici's where the settings say so.
    this.#agent = new Agent({
      connections: concurrency,
      connect: { timeout: CONNECT_MS },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Like the global `fetch`, with the whole reply read. What a server says in a reply that reports an error stands in
   * the body as `{ error: { message } }`, whatever shape it had. Redirects are not followed, so that a key goes nowhere
   * else. Throws ReplyTooLarge.
   */
  readonly fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const address = url instanceof Request ? url.url : String(url);
    // The agent's own request costs a third of undici's fetch.
    const reply = await request(address, {
      dispatcher: this.#agent,
      method: init.method === "POST" ? "POST" : "GET",
      headers: Object.fromEntries(new Headers(init.headers)),
      body: typeof init.body === "string" ? init.body : null,
      signal: init.signal ?? null,
    });
    const status = reply.statusCode;
    const body = await readBody(reply.body);
    const headers = new Headers({ "content-type": "application/json" });
    for (const name of RETRY_HEADERS) {
      const value = reply.headers[name];
      if (typeof value === "string") headers.set(name, value);
    }
    if (status >= 200 && status < 300) return new Response(body, { status: 200, headers });
    // A Response takes no status that HTTP does not know, nor a body with 304.
    const known = status >= 300 && status < 600 && status !== 304 ? status : UNKNOWN_STATUS;
    return new Response(errorBody(body), { status: known, headers });
  };

  /** A text without the key, which servers like to quote. */
  redact(text: string): string {
    return this.key === undefined ? text : text.replaceAll(this.key, "[key]");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

async function readBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop early cancels the rest of the reply.
  for await (const chunk of body) {
    size += chunk.length;
    if (size > LARGEST_REPLY_BYTES)
      throw new ReplyTooLarge(`the reply is longer than ${LARGEST_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** OpenAI: `{error: {message}}`; older vLLM and SGLang: `{message}`; FastAPI: `{detail}`; Ollama: `{error: "…"}`. */
function errorBody(text: string): string {
  return JSON.stringify({ error: { message: messageIn(text).slice(0, LONGEST_ERROR) } });
}

function messageIn(text: string): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return text.trim();
  }
  for (const key of ["error", "message", "detail"]) {
    const value: unknown = typeof json === "object" && json !== null ? Reflect.get(json, key) : undefined;
    if (typeof value === "string") return value;
    if (typeof value === "object" && value !== null) return messageIn(JSON.stringify(value));
  }
  return text.trim();
}
