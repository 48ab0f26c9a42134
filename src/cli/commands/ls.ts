/** What `earl ls` is typed with; ../ls.ts does it, and is loaded when it is asked for. */

import type { Command } from "commander";

import { filePath } from "../arguments.ts";
import type { Surroundings } from "../surroundings.ts";

export function addLs(program: Command, surroundings: Surroundings): void {
  program
    .command("ls")
    .description("list the runs: stage, step, last reward, size")
    .argument("[folder]", "where the runs are", filePath, "runs")
    .action(async (folder: string) => {
      const { listRuns } = await import("../ls.ts");
      listRuns(folder, surroundings);
    });
}
