/** Refuses a policy that this machine's memory cannot hold, before any of it is read or drawn. */

import { EngineError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { machineMemory } from "../machine-memory.ts";
import type { PolicyConfig } from "./config.ts";
import { loraParameterCount, type LoraSettings } from "./lora.ts";
import { parameterCount } from "./parameters.ts";
import { BYTES_OF } from "./safetensors-header.ts";

export interface HeldPolicy {
  /** What is trained of it; nothing where not given. */
  readonly learned?: "all" | LoraSettings;
  /** In bytes; the machine's where not given. */
  readonly memory?: number;
}

/**
 * Throws EngineError where the bare weights are more than the memory; of what is learned, gradients and AdamW's two
 * moments are counted, too. `what` names the policy.
 */
export function requireMemory(
  what: string,
  config: PolicyConfig,
  { learned, memory = machineMemory() }: HeldPolicy = {},
): void {
  const parameters = parameterCount(config);
  const trained =
    learned === undefined ? 0 : learned === "all" ? parameters : loraParameterCount(config, learned);
  const held = learned === undefined || learned === "all" ? parameters : parameters + trained;
  const bytes = (held + 3 * trained) * BYTES_OF.F32;
  if (bytes <= memory) return;
  const use = learned === undefined ? "in float32" : "with gradients and moments";
  const size = `${held.toLocaleString("en-US")} parameters, ${formatBytes(bytes)} ${use}`;
  throw new EngineError(`${what} has ${size}; this machine has ${formatBytes(memory)} of memory.`, {
    hint: "Use a machine that holds it, or a smaller policy: earl model info DIR says what each task takes.",
  });
}
