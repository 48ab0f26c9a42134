/** A `fetch` for the `openai` package that goes through a server's connection. */

import { isFine, retryHeaders, type ServerConnection } from "./server-connection.ts";

/**
 * The texts of answers by the responses that stand for them. A body within a Response, as the package wants one, costs
 * as much as sending the request.
 */
export type ReplyTexts = WeakMap<Response, string>;

/** Answers to what is posted come without a body, which goes to `texts`; everything else as the package expects it. */
export function fetchThrough(connection: ServerConnection, texts: ReplyTexts): typeof fetch {
  return async (address, init = {}) => {
    const method = init.method === "POST" ? "POST" : "GET";
    const reply = await connection.send({
      url: new URL(address instanceof Request ? address.url : address),
      method,
      headers: Object.fromEntries(init.headers instanceof Headers ? init.headers : new Headers(init.headers)),
      body: typeof init.body === "string" ? init.body : null,
      signal: init.signal ?? undefined,
    });
    const { status, text } = reply;
    if (!isFine(reply)) {
      return Response.json({ error: { message: text } }, { status, headers: retryHeaders(reply) });
    }
    if (method === "GET") return new Response(text, { headers: { "content-type": "application/json" } });
    const response = new Response(null);
    texts.set(response, text);
    return response;
  };
}
