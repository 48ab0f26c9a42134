/** Settings that are fine alone and cannot work together. */

import type { CrossFault } from "../config/declaration.ts";
import { nameOf } from "../config/named-list.ts";
import type { BenchmarkChoice } from "../evaluate/open-benchmark.ts";
import type { PolicySettings } from "../policy/policy-settings.ts";
import { MOST } from "../policy/size-limits.ts";
import { sharedServerFaults } from "../rewards/shared-servers.ts";

/** What of a run's config the checks look at. */
interface CheckedConfig {
  readonly algorithm: string;
  readonly policy: PolicySettings;
  readonly data: { readonly kind: string; readonly rlDirectory?: string | undefined };
  readonly grpo: { readonly data?: unknown; readonly stopOn?: { readonly benchmark: string } | undefined };
  readonly evaluation: { readonly benchmarks: readonly BenchmarkChoice[] };
  readonly rewards: readonly object[];
}

/** Every combination in the config that cannot work. */
export function crossFaults({
  algorithm,
  policy,
  data,
  grpo,
  rewards,
  evaluation,
}: CheckedConfig): CrossFault[] {
  const faults: CrossFault[] = [];
  const refuse = (keys: CrossFault["keys"], message: string): void => {
    faults.push({ keys, message });
  };
  const { heads, keyValueHeads, hiddenSize, checkpoint, lora } = policy;

  if (heads % keyValueHeads !== 0) {
    const message = `${keyValueHeads} key-value heads cannot be shared evenly by ${heads} heads`;
    refuse(["policy.keyValueHeads", "policy.heads"], message);
  }
  const fault = headFault(hiddenSize, heads);
  if (fault !== undefined) refuse(["policy.hiddenSize", "policy.heads"], fault);
  if (algorithm === "grpo" && checkpoint === undefined) {
    const message =
      "GRPO needs a policy that can already edit a little: name its folder, or use algorithm sft-grpo";
    refuse(["policy.checkpoint", "algorithm"], message);
  }
  if (lora !== undefined && checkpoint === undefined) {
    const message = "an adapter belongs to weights on disk: name their folder in policy.checkpoint";
    refuse(["policy.lora", "policy.checkpoint"], message);
  }
  if (data.rlDirectory !== undefined && !("directory" in data)) {
    const message = `data of kind ${data.kind} has no directory that this could replace: use grpo.data`;
    refuse(["data.rlDirectory", "data.kind"], message);
  }
  if (data.rlDirectory !== undefined && grpo.data !== undefined) {
    refuse(["data.rlDirectory", "grpo.data"], "says what grpo.data says: leave one of them out");
  }
  for (const { key, firstKey, message } of sharedServerFaults(rewards, "rewards")) {
    refuse([key, firstKey], message);
  }
  const names = evaluation.benchmarks.map(nameOf);
  const { stopOn } = grpo;
  if (stopOn !== undefined && !names.includes(stopOn.benchmark)) {
    refuse(
      ["grpo.stopOn.benchmark", "evaluation.benchmarks"],
      `there is no benchmark ${JSON.stringify(stopOn.benchmark)} among ${names.join(", ")}`,
    );
  }
  return faults;
}

function headFault(hiddenSize: number, heads: number): string | undefined {
  const size = hiddenSize / heads;
  if (!Number.isInteger(size)) return `a width of ${hiddenSize} cannot be split into ${heads} heads`;
  if (size % 2 !== 0) return `each head would be ${size} wide, and the rotary embedding needs an even number`;
  if (size > MOST.headSize) return `each head would be ${size} wide, more than ${MOST.headSize}`;
  return undefined;
}

/** True where the config's algorithm has this stage. */
export function trains(config: Pick<CheckedConfig, "algorithm">, stage: "sft" | "grpo"): boolean {
  return config.algorithm === stage || config.algorithm === "sft-grpo";
}
