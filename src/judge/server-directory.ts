/**
 * Servers by address and key, each known once however many rewards ask it: what it allows at once or a minute holds for
 * all of them together, and so does what became of their requests.
 */

import { ConfigError } from "../errors.ts";
import { Endpoint } from "./endpoint.ts";
import type { EndpointSettings } from "./judge-settings.ts";
import { ServerConnection } from "./server-connection.ts";

interface Known {
  readonly endpoint: Endpoint;
  readonly settings: EndpointSettings;
  users: number;
}

const LIMITS = ["concurrency", "requestsPerMinute", "tokensPerMinute"] as const;

export class ServerDirectory {
  readonly #known = new Map<string, Known>();

  /** To be left when it is no longer asked. Throws ConfigError where another one names the server with other limits. */
  join(settings: EndpointSettings): Endpoint {
    const key = keyOf(settings);
    const known = this.#known.get(key);
    if (known === undefined) {
      const endpoint = new Endpoint(new ServerConnection(settings), settings);
      this.#known.set(key, { endpoint, settings, users: 1 });
      return endpoint;
    }
    const other = LIMITS.find((name) => known.settings[name] !== settings[name]);
    if (other !== undefined) {
      const [one, two] = [known.settings[other] ?? "no limit", settings[other] ?? "no limit"];
      throw new ConfigError(`${settings.url} is named twice with another ${other}: ${one} and ${two}.`, {
        hint: "A server's limits hold for all who ask it together: name the same ones each time.",
      });
    }
    known.users += 1;
    return known.endpoint;
  }

  /** The last one closes the sockets. */
  async leave(settings: EndpointSettings): Promise<void> {
    const key = keyOf(settings);
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.users -= 1;
    if (known.users > 0) return;
    this.#known.delete(key);
    await known.endpoint.connection[Symbol.asyncDispose]();
  }
}

/** Two keys have limits of their own. */
function keyOf({ url, keyVariable }: EndpointSettings): string {
  return `${keyVariable} ${url.replace(/\/+$/, "")}`;
}
