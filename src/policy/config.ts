/**
 * What an Emu3 policy is: the sizes of its decoder. Emu3 is LLaMA's architecture (RMSNorm, rotary embedding,
 * grouped-query attention, SwiGLU, no biases), so a plain LLaMA has the same description.
 */

import type { PolicySettings } from "./policy-settings.ts";
import { ConfigError } from "../errors.ts";
import { MOST } from "./size-limits.ts";

export interface PolicyConfig {
  /** Which class of transformers it is written for; the maths is the same. */
  readonly family: "emu3" | "llama";
  readonly vocabularySize: number;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  /** Width inside the MLP. */
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Divides `heads`; each is shared by heads / keyValueHeads attention heads in a row. */
  readonly keyValueHeads: number;
  /** Width of one head, even; usually hiddenSize / heads. */
  readonly headSize: number;
  readonly normEpsilon: number;
  /** Base of the rotary embedding (rotate-half layout, no scaling). */
  readonly ropeTheta: number;
  /** Longest sequence it was made for, in tokens; not a limit of the weights. */
  readonly maxPositions: number;
  /** Null where the model has none, as some LLaMAs. */
  readonly bosId: number | null;
  readonly eosId: number | null;
  readonly padId: number | null;
  /** True: the head multiplies by `model.embed_tokens.weight` and there is no `lm_head.weight`. */
  readonly tieEmbeddings: boolean;
  /** Standard deviation transformers would start fresh weights with; recorded, not used by earl. */
  readonly initializerRange: number;
}

/** The published Emu3 (BAAI/Emu3-Stage1, -Gen, -Chat): 8,492,011,520 parameters. */
export const EMU3_CONFIG: PolicyConfig = {
  family: "emu3",
  vocabularySize: 184_622,
  hiddenSize: 4096,
  intermediateSize: 14_336,
  layers: 32,
  heads: 32,
  keyValueHeads: 8,
  headSize: 128,
  normEpsilon: 1e-5,
  ropeTheta: 1_000_000,
  maxPositions: 9216,
  bosId: 151_849,
  eosId: 151_850,
  padId: 151_643,
  tieEmbeddings: false,
  initializerRange: 0.02,
};

/** What of a vocabulary the sizes depend on; tokens/vocabulary.ts has it whole. */
export interface VocabularySizes {
  readonly size: number;
  readonly bos: number;
  readonly eos: number;
  readonly pad: number;
}

/** What of a run's settings says how a fresh policy is shaped. */
export type FreshShape = Pick<
  PolicySettings,
  | "hiddenSize"
  | "intermediateSize"
  | "layers"
  | "heads"
  | "keyValueHeads"
  | "normEpsilon"
  | "ropeTheta"
  | "weightStd"
>;

/**
 * The config of a fresh policy: a run's settings and the vocabulary it will read and write.
 * Throws ConfigError, all faults in one, where the sizes do not fit together.
 */
export function freshPolicyConfig(
  settings: FreshShape,
  vocabulary: VocabularySizes,
  maxPositions: number,
): PolicyConfig {
  const config: PolicyConfig = {
    family: "emu3",
    vocabularySize: vocabulary.size,
    hiddenSize: settings.hiddenSize,
    intermediateSize: settings.intermediateSize,
    layers: settings.layers,
    heads: settings.heads,
    keyValueHeads: settings.keyValueHeads,
    headSize: settings.hiddenSize / settings.heads,
    normEpsilon: settings.normEpsilon,
    ropeTheta: settings.ropeTheta,
    maxPositions,
    bosId: vocabulary.bos,
    eosId: vocabulary.eos,
    padId: vocabulary.pad,
    tieEmbeddings: false,
    initializerRange: settings.weightStd,
  };
  const faults = misfits(config);
  if (faults.length > 0) {
    throw new ConfigError(`The policy's sizes do not fit together: ${faults.join("; ")}.`, {
      hint: "Change policy.hiddenSize, policy.heads or policy.keyValueHeads.",
    });
  }
  return config;
}

/** What about the sizes cannot work together, one sentence each; empty for a sound config. */
export function misfits(config: PolicyConfig): string[] {
  const { heads, keyValueHeads, headSize, vocabularySize } = config;
  const faults: string[] = [];
  if (!Number.isInteger(headSize))
    faults.push(`hidden size ${config.hiddenSize} is not a multiple of ${heads} heads`);
  else if (headSize > MOST.headSize) faults.push(`head size ${headSize} is more than ${MOST.headSize}`);
  else if (headSize % 2 !== 0) faults.push(`head size ${headSize} is odd, and rotary embedding turns pairs`);
  if (heads % keyValueHeads !== 0)
    faults.push(`${heads} heads are not a multiple of ${keyValueHeads} key-value heads`);
  for (const [name, id] of [
    ["bos", config.bosId],
    ["eos", config.eosId],
    ["pad", config.padId],
  ] as const) {
    if (id !== null && id >= vocabularySize)
      faults.push(`${name} id ${id} is outside a vocabulary of ${vocabularySize}`);
  }
  return faults;
}
