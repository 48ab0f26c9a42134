/** Runs the command line: `earl <command> …`. */

import { terminalEnvironment } from "../config/env.ts";
import { systemClock } from "../runs/clock.ts";
import { createProgram } from "./program.ts";
import { reportFault } from "./report-fault.ts";
import { progressOn } from "./surroundings.ts";

// `earl ls | head` closes the pipe early, which is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const surroundings = {
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  isLive: process.stderr.isTTY && !terminalEnvironment().isDumb,
  commandLine: ["earl", ...process.argv.slice(2)].join(" "),
};

try {
  await createProgram(surroundings).parseAsync(process.argv);
} catch (fault) {
  // What failed may have left a line that was being redrawn.
  progressOn(surroundings).clear();
  process.exitCode = reportFault(fault, process.stderr, process.argv.includes("--debug"));
}
