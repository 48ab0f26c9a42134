/** What this machine's memory can hold. */

import { totalmem } from "node:os";
import { EngineError } from "./errors.ts";
import { formatBytes } from "./format.ts";

/** Bytes; what cgroups leave of the machine's memory, where they limit it. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Throws EngineError where something, named by `what`, takes more bytes than the memory; asked before they are. */
export function requireRoom(what: string, bytes: number, memory = machineMemory()): void {
  if (bytes <= memory) return;
  throw new EngineError(
    `${what} takes ${formatBytes(bytes)}; this machine has ${formatBytes(memory)} of memory.`,
    { hint: "Use a machine that holds it, or something smaller." },
  );
}
