/** What a run must hold at once, from its settings, against this machine's memory: asked before any work is done. */

import { ConfigError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { machineMemory } from "../machine-memory.ts";
import { freshPolicyConfig } from "../policy/config.ts";
import { requireMemory } from "../policy/required-memory.ts";
import { trains } from "./cross-checks.ts";
import type { RunConfig } from "./run-config.ts";

/** What is known of the data once it is open. */
export interface DataSize {
  /** Of one picture as the policy reads it. */
  readonly pictureBytes: number;
  /** Edits of each part; a batch holds no more different ones. */
  readonly counts: {
    readonly train: number;
    readonly rlTrain: number;
    readonly validation: number;
    readonly test: number;
  };
}

/** Ids, log-probabilities and the objects around them, at least. */
const COMPLETION_BYTES = 1024;
/** The same of an edit, whose prompt, demonstration and codes are arrays of their own. */
const EDIT_BYTES = 2048;

/** A vocabulary that every fresh one has at least: bytes, control tokens, two codes. */
const LEAST_VOCABULARY = { size: 256 + 8 + 2, bos: 0, eos: 1, pad: 2 };

/**
 * Throws EngineError for a fresh policy, and ConfigError for batches, that the memory cannot hold; both name what is too large.
 * What is not known yet counts as nothing, so that nothing is refused that might fit. `memory` is in bytes.
 */
export function requireRunMemory(config: RunConfig, data?: DataSize, memory = machineMemory()): void {
  if (config.policy.checkpoint === undefined) {
    const policy = freshPolicyConfig(config.policy, LEAST_VOCABULARY, 1);
    requireMemory("The policy of these settings", policy, { learned: "all", memory });
  }
  for (const { keys, what, bytes } of holdings(config, data)) {
    if (bytes <= memory) continue;
    throw new ConfigError(
      `${keys.join(" × ")}: ${what} take ${formatBytes(bytes)} at least; this machine has ${formatBytes(memory)} of memory.`,
      { hint: `Lower ${keys.join(" or ")}.` },
    );
  }
}

interface Holding {
  readonly keys: readonly string[];
  readonly what: string;
  readonly bytes: number;
}

function holdings(config: RunConfig, data: DataSize | undefined): Holding[] {
  const { sft, grpo, evaluation } = config;
  const { pictureBytes = 0, counts = { train: 0, rlTrain: 0, validation: 0, test: 0 } } = data ?? {};
  const editBytes = 2 * pictureBytes + EDIT_BYTES;
  const completionBytes = pictureBytes + COMPLETION_BYTES;
  const edits = (key: string, wanted: number, there: number): Holding => {
    const count = Math.min(wanted, there);
    return { keys: [key], what: `${count.toLocaleString("en-US")} edits`, bytes: count * editBytes };
  };
  const held: Holding[] = [];
  if (trains(config, "sft")) {
    held.push(edits("sft.batchSize", sft.batchSize, counts.train));
    held.push(edits("sft.validationSize", sft.validationSize, counts.validation));
  }
  if (trains(config, "grpo")) {
    const completions = grpo.prompts * grpo.groupSize;
    held.push({
      keys: ["grpo.prompts", "grpo.groupSize"],
      what: `${completions.toLocaleString("en-US")} completions`,
      bytes: completions * completionBytes + Math.min(grpo.prompts, counts.rlTrain) * editBytes,
    });
    held.push(edits("grpo.validationSize", grpo.validationSize, counts.validation));
  }
  held.push(edits("evaluation.size", evaluation.size, counts.test));
  return held;
}
