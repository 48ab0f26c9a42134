/** Turns whatever ended a command into a message on stderr and an exit code. */

import { CommanderError } from "commander";
import pc from "picocolors";

import { EarlError, Interrupted } from "../errors.ts";
import { printable } from "../format.ts";
import { errorCode, writeFault } from "../runs/atomic-write.ts";
import type { ProgressStream } from "./progress.ts";

/** Full disks are met in many places, and never by a defect of ours. */
const FULL_DISK = new Set(["ENOSPC", "EDQUOT", "EROFS", "EFBIG"]);

/**
 * Writes what happened and what to do, and returns the exit code: 0 for --help and --version, 2 for faults of the
 * input, 130 for an interrupted command, 1 for defects. `isDebug` adds causes and stacks.
 */
export function reportFault(fault: unknown, stderr: ProgressStream, isDebug: boolean): number {
  if (fault instanceof CommanderError) {
    // commander has written its message itself.
    return fault.exitCode === 0 ? 0 : 2;
  }
  if (fault instanceof Interrupted) {
    stderr.write(`${pc.yellow(printable(fault.message))}\n${printable(fault.hint)}\n`);
    return 130;
  }
  const known = FULL_DISK.has(errorCode(fault)) ? writeFault(fault, pathOf(fault)) : fault;
  if (known instanceof EarlError) {
    stderr.write(`${pc.red(printable(known.message))}\n`);
    if (known.hint !== undefined) stderr.write(`${printable(known.hint)}\n`);
    if (isDebug) writeCauses(known, stderr);
    return known.exitCode;
  }
  stderr.write(`${pc.red("This should not have happened; it is a defect of earl.")}\n`);
  stderr.write(`${stackOf(known)}\n`);
  if (isDebug) writeCauses(known, stderr);
  stderr.write("Please report it with these lines, the command, and what `earl doctor` prints.\n");
  return 1;
}

function writeCauses(fault: unknown, stderr: ProgressStream): void {
  if (fault instanceof EarlError) stderr.write(`${pc.dim(stackOf(fault))}\n`);
  const cause = fault instanceof Error ? fault.cause : undefined;
  if (cause === undefined) return;
  stderr.write(`${pc.dim(`caused by ${stackOf(cause)}`)}\n`);
  if (cause instanceof Error && cause.cause !== undefined) writeCauses(cause, stderr);
}

function stackOf(fault: unknown): string {
  return printable(fault instanceof Error ? (fault.stack ?? fault.message) : String(fault));
}

function pathOf(fault: unknown): string {
  const path = fault instanceof Error && "path" in fault ? fault.path : undefined;
  return typeof path === "string" ? path : "a file";
}
