/** What this machine's memory can hold. */

import { totalmem } from "node:os";

import { EngineError } from "../errors.ts";
import type { PolicyConfig } from "../policy/config.ts";
import { parameterCount } from "../policy/parameters.ts";
import { BYTES_OF } from "../policy/safetensors-header.ts";
import { formatBytes } from "../format.ts";

/** Bytes; what cgroups leave of the machine's memory, where they limit it. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Throws EngineError for a policy whose bare weights are more than the memory, before any of them is read. */
export function requireMemory(directory: string, config: PolicyConfig, memory = machineMemory()): void {
  const parameters = parameterCount(config);
  const bytes = parameters * BYTES_OF.F32;
  if (bytes <= memory) return;
  const size = `${parameters.toLocaleString("en-US")} parameters, ${formatBytes(bytes)} in float32`;
  throw new EngineError(`${directory} has ${size}; this machine has ${formatBytes(memory)} of memory.`, {
    hint: `Use a machine that holds it: earl model info ${directory} says what each task takes.`,
  });
}
