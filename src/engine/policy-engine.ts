/**
 * The seam between what is trained and what trains it. Nothing above the engine knows where tensors live:
 * `onnx/` runs them in this process, a cluster can stand behind the same interface.
 */

import type { LossSpec } from "../algorithms/losses.ts";
import type { ReadIds } from "../tokens/constraints.ts";
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

export interface GenerationRequest {
  readonly prompts: readonly Prompt[];
  readonly sampling: Sampling;
  /** The same seed gives the same completions, whatever else the engine does meanwhile. */
  readonly seed: number;
  /**
   * Completions that may be written at once, where fewer than the engine would take are wanted: groups then end one after
   * the other instead of together. The engine may write more where its shape is fixed.
   */
  readonly rowsAtOnce?: number | undefined;
  /** Ends the generation between two runs of tokens: it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told how many ids all completions of the request have together by now, forced ones included. */
  readonly onTokens?: ((written: number) => void) | undefined;
  /** Shown completions while they are written: all ids that one has so far, forced ones included. */
  readonly onWritten?: ((written: WrittenSoFar) => void) | undefined;
}

/** A completion that is not at its end yet. */
export interface WrittenSoFar {
  /** Index into the request's prompts, and into the prompt's group. */
  readonly prompt: number;
  readonly completion: number;
  readonly ids: readonly number[];
}

export interface Completion extends ReadIds {
  /**
   * Log-probability of each id under the policy at the sampling temperature (the guided distribution, with guidance),
   * before top-k and top-p cut it; 0 at forced ids. [ids.length]
   */
  readonly logprobs: Float32Array;
  /** False where `maxTokens` cut it off. */
  readonly isFinished: boolean;
}

/** Every completion of one prompt. */
export interface CompletedGroup {
  /** Index into the request's prompts. */
  readonly prompt: number;
  /** [groupSize], in the order of their seeds. */
  readonly completions: readonly Completion[];
  /** Floating-point operations of matrix products since the request's group before it, or since its start. */
  readonly flops: number;
}

/** A prompt and some completions of it, the unit that log-probabilities and gradients are computed for. */
export interface CompletionGroup {
  readonly prompt: Prompt;
  readonly completions: readonly ReadIds[];
}

export interface ScoredIds {
  /** One array a completion, groups in order: at `temperature`, 0 at forced ids. */
  readonly logprobs: Float32Array[][];
  readonly flops: number;
}

export interface TrainingCompletion extends ReadIds {
  /** What its tokens' log-probabilities are pushed by; 1 for supervised examples. */
  readonly advantage: number;
  /** Weight of each token in the loss, 0 where it does not count; the batch's weights carry the normalisation. [ids.length] */
  readonly weights: Float32Array;
  /** Factors of each token's advantage, where the sampler drew from another distribution; 1 unless given. [ids.length] */
  readonly importance?: Float32Array;
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

/** How far sampler and trainer may be apart on the same weights, in nats a token. */
export interface Agreement {
  readonly mean: number;
  readonly largest: number;
}

/** Parameters by name. */
export type Arrays = Map<string, Float32Array>;

/** Where a policy's weights come from. */
export type PolicyWeights =
  /** Handed over: the arrays are empty afterwards. Beside a policy's own they may hold an adapter's, by its names. */
  | { readonly kind: "arrays"; readonly arrays: Arrays }
  /** A Hugging Face directory; where an adapter is to be trained a fresh one is drawn, from `seed` (0 if not given). */
  | { readonly kind: "files"; readonly directory: string; readonly seed?: number }
  /** The same with a trained adapter in PEFT's layout. */
  | { readonly kind: "adapter"; readonly directory: string; readonly adapter: string };

/** Files to write beside the weights, by name. */
export type CheckpointFiles = ReadonlyMap<string, Uint8Array>;

/** Told how many parameters of a policy have been read. */
export type OnLoad = (read: number, total: number) => void;

/** Dispose of it when done: its memory and threads are freed. */
export interface PolicyEngine extends AsyncDisposable {
  /** What differences between `generate`'s and `logprobs`' log-probabilities are held against. */
  readonly agreement: Agreement;
  /** Groups of completions, each when its last completion ends. Leaving the loop early frees what the rest would need. */
  generate(request: GenerationRequest): AsyncIterable<CompletedGroup>;
  /** Log-probabilities of given ids. Throws EngineError for `reference` where it was opened without one. */
  logprobs(
    groups: readonly CompletionGroup[],
    under: "policy" | "reference",
    temperature: number,
  ): Promise<ScoredIds>;
  /**
   * Forward, backward, clip by global norm, AdamW. Throws EngineError where loss, gradient norm or a weight would not be
   * finite; weights and optimizer are then as before.
   */
  step(groups: readonly TrainingGroup[], loss: LossSpec, learningRate: number): Promise<StepMetrics>;
  /**
   * Writes weights and config in Hugging Face layout, optimizer state beside them. An engine that can copies them first
   * and then calls `onCopied`: steps that follow do not change what is written.
   */
  save(directory: string, onCopied?: () => void): Promise<void>;
  /** Restores what `save` wrote, which must be at its end; the reference policy stays as it is. */
  load(directory: string): Promise<void>;
}
