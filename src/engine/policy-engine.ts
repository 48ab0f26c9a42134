/**
 * The seam between what is trained and what trains it. Nothing above the engine knows where tensors live:
 * `onnx/` runs them in this process, a cluster can stand behind the same interface.
 */

import type { LossSpec } from "../algorithms/losses.ts";
import type { Prompt } from "../tokens/prompt.ts";

export interface Sampling {
  /** Completions for each prompt. */
  readonly groupSize: number;
  /** 0 takes the likeliest id; above, logits are divided by it. */
  readonly temperature: number;
  /** Keep the k likeliest ids; 0 keeps all. */
  readonly topK: number;
  /** Keep the likeliest ids that together reach this probability; 1 keeps all. */
  readonly topP: number;
  /** Longest completion, forced ids included; one that reaches it is cut off. */
  readonly maxTokens: number;
  /**
   * Classifier-free guidance G: ids are drawn from logits u + G · (c − u), where c are the prompt's and u those of
   * `idsWithoutInstruction`, which every prompt must then have. 1, or left out, is off and costs nothing.
   */
  readonly guidance?: number;
}

/** Told how a generation goes on. */
export interface GenerationWatch {
  /** Ids that all completions of the call have together by now, forced ones included. */
  readonly onTokens?: (written: number) => void;
}

export interface Completion {
  /** Index into the prompts that were given. */
  readonly prompt: number;
  /** Index within the group, 0…groupSize−1. */
  readonly index: number;
  readonly ids: Int32Array;
  /**
   * Log-probability of each id under the policy at the sampling temperature (the guided distribution, with guidance),
   * before top-k and top-p cut it; 0 at forced ids. [ids.length]
   */
  readonly logprobs: Float32Array;
  /** False where `maxTokens` cut it off. */
  readonly isFinished: boolean;
}

/** A prompt and some completions of it, the unit that log-probabilities and gradients are computed for. */
export interface CompletionGroup {
  readonly prompt: Prompt;
  readonly completions: readonly { readonly ids: Int32Array }[];
}

export interface TrainingCompletion {
  readonly ids: Int32Array;
  /** What its tokens' log-probabilities are pushed by; 1 for supervised examples. */
  readonly advantage: number;
  /** Weight of each token in the loss, 0 where it does not count; the batch's weights carry the normalisation. [ids.length] */
  readonly weights: Float32Array;
  /** Under the behaviour policy; needed by losses with a ratio. [ids.length] */
  readonly oldLogprobs?: Float32Array;
  /** Under the reference policy; needed by losses with a KL term. [ids.length] */
  readonly refLogprobs?: Float32Array;
}

export interface TrainingGroup {
  readonly prompt: Prompt;
  readonly completions: readonly TrainingCompletion[];
}

export interface StepMetrics {
  /** What was minimised: policy loss + klCoef · KL. */
  readonly loss: number;
  /** Mean over counted tokens of the KL estimate to the reference; 0 without a KL term. */
  readonly kl: number;
  /** Mean over counted tokens of −Σ p log p, in nats. */
  readonly entropy: number;
  /** Share of counted tokens whose ratio was clipped from below / above. */
  readonly clipLow: number;
  readonly clipHigh: number;
  /** Global norm of the gradient before clipping. */
  readonly gradNorm: number;
  /** Tokens that counted in the loss. */
  readonly tokens: number;
  /** Floating-point operations of the matrix products that were run. */
  readonly flops: number;
}

export interface PolicyEngine {
  /** Completions, in the order in which their groups end. The same seed gives the same completions. */
  generate(
    prompts: readonly Prompt[],
    sampling: Sampling,
    seed: number,
    watch?: GenerationWatch,
  ): AsyncIterable<Completion>;
  /** Log-probabilities of each completion's ids at `temperature`, 0 at forced ids: one array a completion, groups in order. */
  logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<Float32Array[][]>;
  /** Forward, backward, clip by global norm, AdamW. */
  step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics>;
  /** Makes the present weights the reference policy. */
  freezeReference(): Promise<void>;
  /** Writes weights and config in Hugging Face layout, optimizer state beside them. */
  save(directory: string): Promise<void>;
  /** Restores what `save` wrote. */
  load(directory: string): Promise<void>;
  /** Floating-point operations of matrix products run so far, generation included. */
  flops(): Promise<number>;
  close(): Promise<void>;
}
