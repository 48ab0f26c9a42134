/** Settings that are fine alone and cannot work together. */

import type { CrossFault } from "../config/declaration.ts";
import type { RunConfig } from "./run-config.ts";

/** Every combination in the config that cannot work. */
export function crossFaults(config: RunConfig): CrossFault[] {
  const { policy } = config;
  const faults: CrossFault[] = [];
  const require = (holds: boolean, message: string, ...keys: CrossFault["keys"]): void => {
    if (!holds) faults.push({ keys, message });
  };

  require(policy.heads % policy.keyValueHeads ===
    0, `${policy.keyValueHeads} key-value heads cannot be shared evenly by ${policy.heads} heads`, "policy.keyValueHeads", "policy.heads");
  const headSize = policy.hiddenSize / policy.heads;
  require(Number.isInteger(
    headSize,
  ), `a width of ${policy.hiddenSize} cannot be split into ${policy.heads} heads`, "policy.hiddenSize", "policy.heads");
  require(!Number.isInteger(headSize) ||
    headSize % 2 ===
      0, `each head would be ${headSize} wide, and the rotary embedding needs an even number`, "policy.hiddenSize", "policy.heads");
  require(config.algorithm !== "grpo" ||
    policy.checkpoint !==
      undefined, "GRPO needs a policy that can already edit a little: name its folder, or use algorithm sft-grpo", "policy.checkpoint", "algorithm");
  require(policy.lora === undefined ||
    policy.checkpoint !==
      undefined, "an adapter belongs to weights on disk: name their folder in policy.checkpoint", "policy.lora", "policy.checkpoint");
  return faults;
}

/** True where the config's algorithm has this stage. */
export function trains(config: RunConfig, stage: "sft" | "grpo"): boolean {
  return config.algorithm === stage || config.algorithm === "sft-grpo";
}
