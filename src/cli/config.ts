/** `earl config check|print|docs`: looks at settings without running anything. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";
import { stringify } from "yaml";

import { configDocs } from "../config/config-docs.ts";
import { configJsonSchema } from "../config/settings.ts";
import { loadRunConfig, RUN_CONFIG } from "../experiment/run-config.ts";
import { writeFault, writeFileAtomically } from "../runs/atomic-write.ts";
import { metricsDocs } from "../runs/metrics-docs.ts";
import { collect } from "./arguments.ts";
import type { Surroundings } from "./surroundings.ts";

const SET = ["--set <key=value>", "change a setting; may be given several times"] as const;

export function addConfig(program: Command, { stdout }: Surroundings): void {
  const config = program.command("config").description("look at settings without running anything");

  config
    .command("check")
    .description("say whether a config is sound; lists every fault at once")
    .argument("<config>", "YAML file")
    .option(...SET, collect, [])
    .action((file: string, options: { set: string[] }) => {
      const { name, algorithm, data } = loadRunConfig(file, options.set);
      stdout.write(`${file} is sound: run ${name}, algorithm ${algorithm}, data ${data.directory}\n`);
    });

  config
    .command("print")
    .description("print a config with every default filled in")
    .argument("<config>", "YAML file")
    .option(...SET, collect, [])
    .action((file: string, options: { set: string[] }) => {
      stdout.write(stringify(loadRunConfig(file, options.set)));
    });

  config
    .command("docs")
    .description("print every setting with its type, range, default and meaning")
    .option("--out <dir>", "write config.md, config.schema.json and metrics.md there instead")
    .action(({ out }: { out?: string }) => {
      if (out === undefined) stdout.write(configDocs(RUN_CONFIG));
      else writeDocs(out);
    });
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
