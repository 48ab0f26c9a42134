/** Refuses a policy that this machine's memory cannot hold, before any of it is read or drawn. */

import { EngineError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { machineMemory } from "../machine-memory.ts";
import type { PolicyConfig } from "./config.ts";
import { parameterCount } from "./parameters.ts";
import { BYTES_OF } from "./safetensors-header.ts";

/** Throws EngineError for a policy whose bare weights are more than the memory; `what` names the policy. */
export function requireMemory(what: string, config: PolicyConfig, memory = machineMemory()): void {
  const parameters = parameterCount(config);
  const bytes = parameters * BYTES_OF.F32;
  if (bytes <= memory) return;
  const size = `${parameters.toLocaleString("en-US")} parameters, ${formatBytes(bytes)} in float32`;
  throw new EngineError(`${what} has ${size}; this machine has ${formatBytes(memory)} of memory.`, {
    hint: "Use a machine that holds it, or a smaller policy: earl model info DIR says what each task takes.",
  });
}
