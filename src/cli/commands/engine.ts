/** What `earl engine` is typed with; ../engine.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import type { InstallFlags } from "../engine.ts";
import type { Surroundings } from "../surroundings.ts";

export function addEngine(program: Command, surroundings: Surroundings): void {
  const engine = program.command("engine").description("the Python environment of engine.kind: torch");
  engine
    .command("install")
    .description("make the environment from the lock of exact versions")
    .option("--cpu", "without CUDA: a tenth of the size")
    .option("--python <program>", "Python 3.10 or later to make it with", "python3")
    .action(async (flags: InstallFlags) => {
      const { installEngine } = await import("../engine.ts");
      await installEngine(flags, surroundings);
    });
}
