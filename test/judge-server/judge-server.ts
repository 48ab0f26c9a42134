/**
 * A judge's server for tests: real HTTP on loopback, which does what a script says. The protocol is written out here
 * and shares nothing with the client.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Behaviour } from "./behaviour.ts";

/** A request as the server saw it. */
export interface SeenRequest {
  /** Of requests for verdicts, from 0. */
  readonly index: number;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
  /** The text of the first message. */
  readonly text: string;
  /** Files of the first message, in order. */
  readonly pictures: readonly Buffer[];
}

export type Script = (request: SeenRequest) => Behaviour | Promise<Behaviour>;

export interface JudgeServerOptions {
  /** Names under /v1/models. */
  readonly models?: readonly string[];
  /** Keeps what was asked; off for the large tests. */
  readonly isRemembering?: boolean;
  readonly port?: number;
}

/** Of a port that is taken, a tenth of a second apart. */
const MOST_TRIES = 50;

export class JudgeServer implements AsyncDisposable {
  /** Requests for verdicts so far. */
  count = 0;
  /** At once, now and at most. */
  inFlight = 0;
  mostInFlight = 0;
  mostSockets = 0;
  readonly seen: SeenRequest[] = [];
  script: Script;
  port = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: JudgeServerOptions;

  private constructor(script: Script, options: JudgeServerOptions) {
    this.script = script;
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      this.mostSockets = Math.max(this.mostSockets, this.#sockets.size);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
    });
  }

  static async start(script: Script, options: JudgeServerOptions = {}): Promise<JudgeServer> {
    const started = new JudgeServer(script, options);
    for (let tries = 1; ; tries += 1) {
      try {
        await started.#listen(options.port ?? 0);
        break;
      } catch (cause) {
        // A server that comes back on its port may find another process's connection there for a moment.
        if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE" || tries === MOST_TRIES) throw cause;
        await delay(100);
      }
    }
    started.port = (started.#server.address() as AddressInfo).port;
    return started;
  }

  async #listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Address as chat clients want it. */
  get url(): string {
    return `${this.origin}/v1`;
  }

  get openSockets(): number {
    return this.#sockets.size;
  }

  /** Closes the server and every connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (request.method === "GET" && path === "/v1/models") {
      const models = (this.#options.models ?? ["judge"]).map((id) => ({ id, object: "model" }));
      return this.#perform(response, {
        does: "replies",
        status: 200,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ object: "list", data: models }),
      });
    }
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    response.on("close", () => (this.inFlight -= 1));
    const index = this.count;
    this.count += 1;
    const body = await readJson(request);
    const seen = { index, path, headers: request.headers, body, ...partsOf(body) };
    if (this.#options.isRemembering === true) this.seen.push(seen);
    this.#perform(response, await this.script(seen));
  }

  #perform(response: ServerResponse, behaviour: Behaviour): void {
    switch (behaviour.does) {
      case "replies":
        response.writeHead(behaviour.status, behaviour.headers);
        response.end(behaviour.body);
        return;
      case "hangs":
        return;
      case "stalls":
        response.writeHead(200, { "content-type": "application/json" });
        response.write(behaviour.beginning);
        return;
      case "breaks off": {
        const bytes = Buffer.from(behaviour.body);
        response.writeHead(200, { "content-type": "application/json", "content-length": bytes.length });
        response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
        return;
      }
      case "resets":
        response.socket?.resetAndDestroy();
        return;
      case "waits":
        setTimeout(() => this.#perform(response, behaviour.next), behaviour.milliseconds);
        return;
      case "dies":
        void this[Symbol.asyncDispose]();
        return;
      default:
        return behaviour satisfies never;
    }
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
    return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
  } catch {
    // The client went away.
    return {};
  }
}

interface Part {
  readonly type: string;
  readonly text?: string;
  readonly image_url?: { readonly url: string };
}

function partsOf({ messages }: Record<string, unknown>): {
  readonly text: string;
  readonly pictures: readonly Buffer[];
} {
  const [first] = (messages ?? []) as { readonly content: readonly Part[] }[];
  const parts = first?.content ?? [];
  return {
    text: parts.map(({ text }) => text ?? "").join(""),
    pictures: parts.flatMap(({ image_url: image }) =>
      image === undefined ? [] : [Buffer.from(image.url.replace(/^data:image\/\w+;base64,/, ""), "base64")],
    ),
  };
}
