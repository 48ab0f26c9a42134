/** Servers that several rewards name: their limits hold for all of them together, so each must name the same ones. */

import type { EndpointSettings } from "../judge/judge-settings.ts";
import { limitConflict, serverKey } from "../judge/server-directory.ts";

export interface LimitFault {
  /** Where the second one says otherwise: "rewards.1.endpoints.0.concurrency". */
  readonly key: string;
  /** What the first one is. */
  readonly firstKey: string;
  readonly message: string;
}

/** As a config's list of rewards holds it; those with parts hold further ones. */
interface Choice {
  readonly endpoints?: readonly EndpointSettings[];
  readonly parts?: readonly Choice[];
}

/** Every server that two rewards name with different limits. `at` is the list's place in the config. */
export function sharedServerFaults(choices: readonly object[], at: string): LimitFault[] {
  const known = new Map<string, { readonly endpoint: EndpointSettings; readonly at: string }>();
  const faults: LimitFault[] = [];
  for (const { endpoint, at: place } of endpointsOf(choices, at)) {
    const first = known.get(serverKey(endpoint));
    if (first === undefined) {
      known.set(serverKey(endpoint), { endpoint, at: place });
      continue;
    }
    const conflict = limitConflict(first.endpoint, endpoint);
    if (conflict === undefined) continue;
    faults.push({
      key: `${place}.${conflict.limit}`,
      firstKey: `${first.at}.${conflict.limit}`,
      message: `${conflict.message}; a server's limits hold for all who ask it together`,
    });
  }
  return faults;
}

function endpointsOf(
  choices: readonly Choice[],
  at: string,
): { readonly endpoint: EndpointSettings; readonly at: string }[] {
  return choices.flatMap(({ endpoints = [], parts = [] }, index) => [
    ...endpoints.map((endpoint, place) => ({ endpoint, at: `${at}.${index}.endpoints.${place}` })),
    ...endpointsOf(parts, `${at}.${index}.parts`),
  ]);
}
