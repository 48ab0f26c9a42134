/**
 * One HTTP request and its whole reply, on Node's own client: a socket that is free again takes the next request at once,
 * while others wait for whatever else has arrived. A reply that is too long, breaks off or comes too late rejects.
 */

import http, { type ClientRequest, type RequestOptions } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { onAbort, reasonOf } from "./abort.ts";

export interface HttpRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Far above any verdict: what is longer is cut off and fails. */
export const LARGEST_REPLY_BYTES = 4 * 2 ** 20;

/** For a connection to be made. */
const CONNECT_MS = 10_000;

export class ReplyTooLarge extends Error {}

/** Sockets to one server. */
export class Sockets implements Disposable {
  readonly #http: http.Agent;
  readonly #https: https.Agent;

  constructor(most: number) {
    const options = { keepAlive: true, maxSockets: most, maxFreeSockets: most, noDelay: true };
    this.#http = new http.Agent(options);
    this.#https = new https.Agent(options);
  }

  /** Rejects with what broke the exchange: the signal's reason, ReplyTooLarge, or a fault of the connection. */
  exchange({ url, method, headers, body, signal }: HttpRequest): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(reasonOf(signal));
      const request = this.#begin(url, {
        method,
        headers: body === null ? headers : { ...headers, "content-length": Buffer.byteLength(body) },
      });
      const end = signal === undefined ? undefined : onAbort(signal, () => fail(reasonOf(signal)));
      let isOver = false;
      const fail = (reason: Error): void => {
        if (isOver) return;
        isOver = true;
        end?.();
        reject(reason);
        request.destroy(reason);
      };
      request.on("error", fail);
      request.on("close", () => fail(new Error("the connection was closed without a reply")));
      request.on("socket", (socket) => failUnlessConnected(socket, fail));
      request.on("response", (reply) => {
        const chunks: Buffer[] = [];
        let size = 0;
        reply.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= LARGEST_REPLY_BYTES) chunks.push(chunk);
          else fail(new ReplyTooLarge(`the reply is longer than ${LARGEST_REPLY_BYTES} bytes`));
        });
        reply.on("error", fail);
        reply.on("end", () => {
          isOver = true;
          end?.();
          const text = chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks).toString();
          resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text });
        });
      });
      request.end(body ?? undefined);
    });
  }

  #begin(url: URL, options: RequestOptions): ClientRequest {
    return url.protocol === "https:"
      ? https.request(url, { ...options, agent: this.#https })
      : http.request(url, { ...options, agent: this.#http });
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

/** A machine that is not there may never say so. */
function failUnlessConnected(socket: Socket, fail: (reason: Error) => void): void {
  if (!socket.connecting) return;
  const timer = setTimeout(() => fail(new Error(`not within ${CONNECT_MS / 1000} s`)), CONNECT_MS);
  const clear = (): void => clearTimeout(timer);
  socket.once("connect", clear);
  socket.once("close", clear);
}
