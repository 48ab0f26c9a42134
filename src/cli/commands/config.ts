/** What `earl config` is typed with; ../config.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { collect, filePath } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";

const SET = ["--set <key=value>", "change a setting; may be given several times"] as const;

export function addConfig(program: Command, surroundings: Surroundings): void {
  const config = program.command("config").description("look at settings without running anything");

  config
    .command("check")
    .description("say whether a config is sound; lists every fault at once")
    .argument("<config>", "YAML file", filePath)
    .option(...SET, collect, [])
    .action(async (file: string, flags: { set: string[] }) => {
      const { checkConfig } = await import("../config.ts");
      checkConfig(file, flags.set, surroundings);
    });

  config
    .command("print")
    .description("print a config with every default filled in")
    .argument("<config>", "YAML file", filePath)
    .option(...SET, collect, [])
    .action(async (file: string, flags: { set: string[] }) => {
      const { printConfig } = await import("../config.ts");
      printConfig(file, flags.set, surroundings);
    });

  config
    .command("docs")
    .description("print every setting with its type, range, default and meaning")
    .option("--out <dir>", "write config.md, config.schema.json and metrics.md there instead", filePath)
    .action(async ({ out }: { out?: string }) => {
      const { documentConfig } = await import("../config.ts");
      documentConfig(out, surroundings);
    });
}
