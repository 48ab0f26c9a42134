/** What `earl demo` is typed with; ../demo.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { collect, deviceOption } from "../arguments.ts";
import type { DemoFlags } from "../demo.ts";
import type { Surroundings } from "../surroundings.ts";

export function addDemo(program: Command, surroundings: Surroundings): void {
  program
    .command("demo")
    .description("draw scenes, fine-tune, learn from rewards, evaluate, report: all of it, in minutes")
    .option("--set <key=value>", "change a setting; may be given several times", collect, [])
    .addOption(deviceOption())
    .option("--judge <url>", "let a vision-language model score the pictures: an OpenAI-compatible server")
    .option("--judge-model <name>", "that server's model, where it has several")
    .option("--resume", "go on where the demo was stopped or killed")
    .option("--force", "delete an earlier demo and start again")
    .action(async (flags: DemoFlags) => {
      const { demo } = await import("../demo.ts");
      await demo(flags, surroundings);
    });
}
