/** A socket for the page's routes. */

import { createAdaptorServer } from "@hono/node-server";

import { ConfigError } from "../errors.ts";
import { errorCode } from "../runs/atomic-write.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any; left out, the first one that is free from 4040 on. */
  readonly port?: number | undefined;
}

/** Answers requests. */
export interface Served {
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

export interface Listening extends AsyncDisposable {
  readonly port: number;
}

const FIRST_PORT = 4040;
const PORTS_TRIED = 20;

/** Throws ConfigError where nothing can listen there. */
export async function listen(app: Served, { host, port }: ListenOptions): Promise<Listening> {
  const wanted =
    port === undefined ? Array.from({ length: PORTS_TRIED }, (_, at) => FIRST_PORT + at) : [port];
  let fault: unknown;
  for (const one of wanted) {
    try {
      return await listenOn(app, host, one);
    } catch (error) {
      fault = error;
      if (errorCode(error) !== "EADDRINUSE") break;
    }
  }
  const place = `${host}:${port ?? FIRST_PORT}`;
  throw new ConfigError(
    errorCode(fault) === "EADDRINUSE"
      ? `Something listens on ${place} already.`
      : `Nothing can listen on ${place}.`,
    { hint: "Choose another with --port or --host; --port 0 takes any that is free.", cause: fault },
  );
}

async function listenOn(app: Served, hostname: string, port: number): Promise<Listening> {
  const server = createAdaptorServer({ fetch: app.fetch, hostname });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Pages that follow a run keep their connection.
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}
