/** `earl config check|print|docs`: looks at settings without running anything. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import { configDocs } from "../config/config-docs.ts";
import { configJsonSchema } from "../config/settings.ts";
import { loadRunConfig, RUN_CONFIG } from "../experiment/run-config.ts";
import { writeFault, writeFileAtomically } from "../runs/atomic-write.ts";
import { metricsDocs } from "../runs/metrics-docs.ts";
import type { Surroundings } from "./surroundings.ts";

/** Throws ConfigError where the config has a fault. */
export function checkConfig(file: string, overrides: readonly string[], { stdout }: Surroundings): void {
  const { name, algorithm, data } = loadRunConfig(file, overrides);
  stdout.write(`${file} is sound: run ${name}, algorithm ${algorithm}, data ${data.directory}\n`);
}

export function printConfig(file: string, overrides: readonly string[], { stdout }: Surroundings): void {
  stdout.write(stringify(loadRunConfig(file, overrides)));
}

/** Prints the settings; with a folder, writes there what docs/ holds of them. */
export function documentConfig(out: string | undefined, { stdout }: Surroundings): void {
  if (out === undefined) stdout.write(configDocs(RUN_CONFIG));
  else writeDocs(out);
}

function writeDocs(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw writeFault(error, directory);
  }
  writeFileAtomically(join(directory, "config.md"), configDocs(RUN_CONFIG));
  writeFileAtomically(
    join(directory, "config.schema.json"),
    `${JSON.stringify(configJsonSchema(RUN_CONFIG), null, 2)}\n`,
  );
  writeFileAtomically(join(directory, "metrics.md"), metricsDocs());
}
