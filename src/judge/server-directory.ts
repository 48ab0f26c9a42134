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
    const key = serverKey(settings);
    const known = this.#known.get(key);
    if (known === undefined) {
      const endpoint = new Endpoint(new ServerConnection(settings), settings);
      this.#known.set(key, { endpoint, settings, users: 1 });
      return endpoint;
    }
    const conflict = limitConflict(known.settings, settings);
    if (conflict !== undefined) {
      throw new ConfigError(`${conflict.message}.`, {
        hint: "A server's limits hold for all who ask it together: name the same ones each time.",
      });
    }
    known.users += 1;
    return known.endpoint;
  }

  /** The last one closes the sockets. */
  async leave(settings: EndpointSettings): Promise<void> {
    const key = serverKey(settings);
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.users -= 1;
    if (known.users > 0) return;
    this.#known.delete(key);
    await known.endpoint.connection[Symbol.asyncDispose]();
  }
}

/** The first limit that two name differently. */
export function limitConflict(
  one: EndpointSettings,
  other: EndpointSettings,
): { readonly limit: (typeof LIMITS)[number]; readonly message: string } | undefined {
  const limit = LIMITS.find((name) => one[name] !== other[name]);
  if (limit === undefined) return undefined;
  const [first, second] = [one[limit] ?? "no limit", other[limit] ?? "no limit"];
  return { limit, message: `${other.url} is named twice with another ${limit}: ${first} and ${second}` };
}

/** Tells servers apart. Two keys have limits of their own. */
export function serverKey({ url, keyVariable }: EndpointSettings): string {
  return `${keyVariable} ${url.replace(/\/+$/, "")}`;
}
