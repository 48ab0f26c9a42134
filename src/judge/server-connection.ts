/**
 * The sockets to one server, and what must not leave them: replies without an end, and the key. Sockets are bounded by
 * the server's concurrency and closed with the connection.
 */

import { secretFrom } from "../config/env.ts";
import { Sockets, type HttpReply, type HttpRequest } from "./http-exchange.ts";
import type { EndpointSettings } from "./judge-settings.ts";

/** Bad gateway: whoever sends a status of its own stands between us and the server. */
const UNKNOWN_STATUS = 502;
/** What of a reply's head says when to come back. */
const RETRY_HEADERS = ["retry-after", "retry-after-ms"] as const;
/** Characters of an error's text that are kept. */
const LONGEST_ERROR = 2000;

export class ServerConnection implements AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  /** Sent as a bearer token; undefined where there is none. */
  readonly key: string | undefined;
  readonly #sockets: Sockets;

  constructor({
    url,
    keyVariable,
    concurrency,
  }: Pick<EndpointSettings, "url" | "keyVariable" | "concurrency">) {
    this.url = url.replace(/\/+$/, "");
    this.key = secretFrom(keyVariable);
    this.#sockets = new Sockets(concurrency);
  }

  /**
   * One request and its whole reply. The text of a reply that reports an error is the message alone, whatever shape it
   * had. Redirects are not followed, so that a key goes nowhere else. Rejects as `exchange` does.
   */
  async send(request: HttpRequest): Promise<HttpReply> {
    const reply = await this.#sockets.exchange(request);
    if (isFine(reply)) return reply;
    const { status, headers, text } = reply;
    // A Response takes no status that HTTP does not know, nor a body with 304.
    const known = status >= 300 && status < 600 && status !== 304 ? status : UNKNOWN_STATUS;
    return { status: known, headers, text: messageIn(text).slice(0, LONGEST_ERROR) };
  }

  /** A text without the key, which servers like to quote. */
  redact(text: string): string {
    return this.key === undefined ? text : text.replaceAll(this.key, "[key]");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sockets[Symbol.dispose]();
  }
}

export function isFine({ status }: HttpReply): boolean {
  return status >= 200 && status < 300;
}

/** Those of a reply's headers that say when to come back. */
export function retryHeaders(reply: HttpReply): Headers {
  const headers = new Headers();
  for (const name of RETRY_HEADERS) {
    const value = reply.headers[name];
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}

/** OpenAI: `{error: {message}}`; older vLLM and SGLang: `{message}`; FastAPI: `{detail}`; Ollama: `{error: "…"}`. */
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
