/** What `earl serve` is typed with; ../serve.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { deviceOption, filePath, wholeNumber } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";
import type { ServeFlags } from "../serve.ts";

export function addServe(program: Command, surroundings: Surroundings): void {
  program
    .command("serve")
    .description("a page on this machine: watch runs go on, look at groups, try checkpoints")
    .argument("[run]", "a run's folder or a folder of runs; runs/ unless given", filePath)
    .option("--port <number>", "where it listens; the first free one from 4040 unless given", wholeNumber(0))
    .option("--host <address>", "what it listens on; beyond loopback the page asks for a token", "127.0.0.1")
    .addOption(deviceOption())
    .action(async (run: string | undefined, flags: ServeFlags) => {
      const { serve } = await import("../serve.ts");
      await serve(run, flags, surroundings);
    });
}
