/** What `earl report` is typed with; ../report.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { filePath, filePaths } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";

export function addReport(program: Command, surroundings: Surroundings): void {
  program
    .command("report")
    .description("write report.html from the events of a run")
    .argument("<run...>", "run folders whose events follow one another, e.g. runs/demo", filePaths)
    .option("--out <file>", "the file to write; report.html in the last folder unless given", filePath)
    .action(async (runs: [string, ...string[]], { out }: { out?: string }) => {
      const { report } = await import("../report.ts");
      await report(runs, out, surroundings);
    });
}
