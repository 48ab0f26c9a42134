/** `earl report RUN`: writes report.html again from the run's events. */

import type { Command } from "commander";

import { locateRun } from "./locate-run.ts";
import type { Surroundings } from "./surroundings.ts";

export function addReport(program: Command, { stdout }: Surroundings): void {
  program
    .command("report")
    .description("write report.html from the events of a run")
    .argument("<run...>", "run folders whose events follow one another, e.g. runs/demo")
    .option("--out <file>", "the file to write; report.html in the last folder unless given")
    .action(async ([first = "", ...rest]: string[], { out }: { out?: string }) => {
      const { writeReport } = await import("../report/write-report.ts");
      const directories: [string, ...string[]] = [locateRun(first), ...rest.map(locateRun)];
      stdout.write(
        `${await writeReport(out === undefined ? { directories } : { directories, output: out })}\n`,
      );
    });
}
