/** `earl report RUN`: writes report.html again from the run's events. */

import { writeReport } from "../report/write-report.ts";
import { locateRun } from "./locate-run.ts";
import type { Surroundings } from "./surroundings.ts";

/** Writes the report of runs that follow one another, and prints its path. */
export async function report(
  [first, ...rest]: [string, ...string[]],
  out: string | undefined,
  { stdout }: Surroundings,
): Promise<void> {
  const directories: [string, ...string[]] = [locateRun(first), ...rest.map(locateRun)];
  stdout.write(`${await writeReport(out === undefined ? { directories } : { directories, output: out })}\n`);
}
