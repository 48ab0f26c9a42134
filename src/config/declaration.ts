/** What a kind of config file is: its settings, and the combinations of them that cannot work. */

import type { z } from "zod";

export interface Declaration<Config> {
  /** What the JSON schema calls such a file. */
  readonly title: string;
  readonly schema: z.ZodType<Config>;
  /** Every combination in a config of sound settings that cannot work. */
  readonly crossFaults: (config: Config) => CrossFault[];
  /** What short forms of a config mean in full. */
  readonly expand?: (raw: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** Stand in for settings that must be given and are at fault, while combinations of the others are looked for. */
  readonly standIns: Readonly<Record<string, unknown>>;
}

/** Settings that are fine alone and cannot work together. */
export interface CrossFault {
  /** The settings that do not fit together; the first is the one to change. */
  readonly keys: readonly [string, ...string[]];
  readonly message: string;
}
