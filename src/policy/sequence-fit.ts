/** Whether a policy can take a sequence of so many tokens: in memory, and by what it was made for. */

import { ConfigError } from "../errors.ts";
import { machineMemory, requireRoom } from "../machine-memory.ts";
import type { PolicyConfig } from "./config.ts";
import { BYTES_OF } from "./safetensors-header.ts";
import { MOST } from "./size-limits.ts";

const SMALLER =
  "Use smaller pictures (--area, --grid or tokenizer.patchSize decide how many codes one has), or write fewer tokens.";

/** Bytes of the keys and values of one sequence, in float32 unless another width of a number is given. */
export function cacheBytes(config: PolicyConfig, tokens: number, width: number = BYTES_OF.F32): number {
  return 2 * config.layers * config.keyValueHeads * config.headSize * tokens * width;
}

/**
 * Throws ConfigError for a sequence that no policy has, EngineError where one sequence's keys and values alone are
 * more than the memory, in bytes.
 */
export function requireSequence(config: PolicyConfig, tokens: number, memory = machineMemory()): void {
  if (tokens > MOST.sequence) {
    throw new ConfigError(
      `A sequence of ${tokens.toLocaleString("en-US")} tokens is more than ${MOST.sequence.toLocaleString("en-US")}, the most that earl takes.`,
      { hint: SMALLER },
    );
  }
  requireRoom(`A sequence of ${tokens.toLocaleString("en-US")} tokens`, cacheBytes(config, tokens), memory);
}

/**
 * What a reader should know of a sequence that is longer than the policy was made for, in one sentence. It is no
 * fault: rotary embedding goes on past the end, only less well than before it.
 */
export function positionsNotice(config: PolicyConfig, tokens: number): string | undefined {
  if (tokens <= config.maxPositions) return undefined;
  const [needed, made] = [tokens, config.maxPositions].map((count) => count.toLocaleString("en-US"));
  return `Sequences of up to ${needed} tokens are longer than the ${made} that the policy was made for (max_position_embeddings): expect worse pictures.`;
}
