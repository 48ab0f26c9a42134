/**
 * What a policy needs to run or to learn, from its config alone: `earl model info` prints it before any weights are
 * downloaded. Weights, gradients and moments are exact; activations are an estimate of the training graph.
 */

import type { PolicyConfig } from "./config.ts";
import { loraParameterCount, type LoraSettings } from "./lora.ts";
import { PROJECTIONS, parameterCount } from "./parameters.ts";
import { cacheBytes } from "./sequence-fit.ts";

const FLOAT32 = 4;
const BFLOAT16 = 2;
/** Values of the longest array that JavaScript has: what is trained lies in one. */
const MOST_TRAINED = 2 ** 32;

export interface MemoryNeed {
  readonly task: "inference" | "lora" | "full training";
  readonly type: "float32" | "bfloat16";
  readonly weightBytes: number;
  /** Keys and values of one sequence; 0 in training. */
  readonly cacheBytes: number;
  readonly gradientBytes: number;
  /** AdamW's two moments. */
  readonly momentBytes: number;
  /** What the backward pass keeps of one sequence; 0 in inference. */
  readonly activationBytes: number;
  readonly totalBytes: number;
  /** `onnx` runs in this process, in float32, where the machine's memory and one array hold it; `torch` is the cluster's. */
  readonly engine: "onnx" | "torch";
}

export interface PolicyDescription {
  /** As a person would say it, a line a part. */
  readonly architecture: readonly string[];
  readonly parameters: number;
  readonly loraParameters: number;
  readonly needs: readonly MemoryNeed[];
}

export interface Workplace {
  /** Memory that the policy may fill. */
  readonly memoryBytes: number;
  /** Tokens of the sequence that is generated or learned from. */
  readonly tokens: number;
  readonly loraRank: number;
}

/** Sizes, parameters and memory of a policy, and the engine that can hold it for each task. */
export function describePolicy(config: PolicyConfig, workplace: Workplace): PolicyDescription {
  const parameters = parameterCount(config);
  const loraParameters = loraParameterCount(config, adapterOfRank(workplace.loraRank));
  const activations = activationValues(config, workplace.tokens) * FLOAT32;
  const training = (task: "lora" | "full training", learned: number): MemoryNeed =>
    need({
      task,
      type: "float32",
      weightBytes: (task === "lora" ? parameters + learned : parameters) * FLOAT32,
      cacheBytes: 0,
      gradientBytes: learned * FLOAT32,
      momentBytes: 2 * learned * FLOAT32,
      activationBytes: activations,
    });
  const inference = (type: "float32" | "bfloat16"): MemoryNeed => {
    const width = type === "float32" ? FLOAT32 : BFLOAT16;
    const weightBytes = parameters * width;
    return need({
      task: "inference",
      type,
      weightBytes,
      cacheBytes: cacheBytes(config, workplace.tokens, width),
      gradientBytes: 0,
      momentBytes: 0,
      activationBytes: 0,
    });
  };
  const need = (parts: Omit<MemoryNeed, "totalBytes" | "engine">): MemoryNeed => {
    const totalBytes =
      parts.weightBytes + parts.cacheBytes + parts.gradientBytes + parts.momentBytes + parts.activationBytes;
    const isHeld =
      parts.type === "float32" &&
      totalBytes <= workplace.memoryBytes &&
      parts.gradientBytes <= MOST_TRAINED * FLOAT32;
    return { ...parts, totalBytes, engine: isHeld ? "onnx" : "torch" };
  };
  return {
    architecture: architectureLines(config),
    parameters,
    loraParameters,
    needs: [
      inference("float32"),
      inference("bfloat16"),
      training("lora", loraParameters),
      training("full training", parameters),
    ],
  };
}

/**
 * Values that the backward pass of one sequence keeps: per token and layer six of the residual's width (inputs of the
 * norms, their results, the sums), queries, keys, values and the attention's result before and after rotation, four
 * of the MLP's width, a row of attention probabilities a head, and at the end logits and their softmax.
 */
function activationValues(config: PolicyConfig, tokens: number): number {
  const attention = 2 * (config.heads + config.keyValueHeads) * config.headSize;
  const probabilities = config.heads * tokens;
  const perLayer = 6 * config.hiddenSize + attention + 4 * config.intermediateSize + probabilities;
  return tokens * (config.layers * perLayer + 2 * config.vocabularySize);
}

function adapterOfRank(rank: number): LoraSettings {
  return { rank, alpha: rank, targets: PROJECTIONS, isRankStabilised: false };
}

function architectureLines(config: PolicyConfig): string[] {
  const { heads, keyValueHeads, headSize } = config;
  const name = config.family === "emu3" ? "Emu3" : "LLaMA";
  return [
    `${name} decoder: RMSNorm (ε ${config.normEpsilon}), rotary embedding (base ${config.ropeTheta}), SwiGLU`,
    `${config.layers} layers of width ${config.hiddenSize}, MLP ${config.intermediateSize}`,
    `${heads} attention heads of ${headSize}, ${keyValueHeads} key-value heads`,
    `vocabulary ${config.vocabularySize}, head ${config.tieEmbeddings ? "tied to the embedding" : "of its own"}`,
    `made for ${config.maxPositions} positions`,
  ];
}
