/** Runs the command line: `earl <command> …`. */

import { terminalEnvironment } from "../config/env.ts";
import { systemClock } from "../runs/clock.ts";
import { createProgram } from "./program.ts";
import { reportFault } from "./report-fault.ts";

// `earl ls | head` closes the pipe early, which is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const program = createProgram({
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  isLive: process.stderr.isTTY && !terminalEnvironment().isDumb,
  commandLine: ["earl", ...process.argv.slice(2)].join(" "),
});

try {
  await program.parseAsync(process.argv);
} catch (fault) {
  process.exitCode = reportFault(fault, process.stderr, process.argv.includes("--debug"));
}
