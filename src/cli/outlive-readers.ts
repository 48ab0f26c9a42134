/** What happens to a command when nobody reads on: `earl ls | head -1`, a log that is full, a terminal that is closed. */

import type { Writable } from "node:stream";

/** A pipe without a reader, and a terminal that is gone. */
const NO_READER: ReadonlySet<string | undefined> = new Set(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]);

/**
 * The command goes on without its readers: a training run must not end unsaved because its progress has nowhere to go.
 * Results that a file takes no more of are a fault: said once, with exit code 2 at the end.
 */
export function outliveReaders(stdout: Writable, stderr: Writable): void {
  // Progress and messages, and without stderr there is no way to say that they are lost.
  stderr.on("error", () => {});
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (NO_READER.has(error.code) || process.exitCode === 2) return;
    process.exitCode = 2;
    stderr.write(`The results cannot be written to standard output: ${error.message}\n`);
  });
}
