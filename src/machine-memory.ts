/** What this machine's memory can hold. */

import { totalmem } from "node:os";

/** Bytes; what cgroups leave of the machine's memory, where they limit it. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
