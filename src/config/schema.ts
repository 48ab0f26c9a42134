/**
 * Every setting of a run, once: type, range, default and meaning. `--help`, docs/config.md and the JSON schema
 * are generated from here; unknown keys are refused.
 */

import { z } from "zod";

const positive = z.number().positive();
const share = z.number().min(0).max(1);

export const AdapterSettings = z.strictObject({
  rank: z.int().min(1).default(16).describe("Width of the adapter's inner product."),
  alpha: positive.default(32).describe("The adapter is scaled by alpha / rank."),
  targets: z
    .array(z.enum(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]))
    .min(1)
    .default(["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"])
    .describe("Projections of every layer that are adapted."),
});

export const PolicySettings = z.strictObject({
  checkpoint: z
    .string()
    .optional()
    .describe("Start from this Hugging Face directory instead of fresh weights."),
  lora: AdapterSettings.optional().describe(
    "Train a LoRA adapter beside the checkpoint's weights; left out, all weights are trained.",
  ),
  tokenizer: z
    .string()
    .optional()
    .describe("Directory of that checkpoint's text tokenizer, where it is not beside the weights."),
  visionTokenizer: z
    .string()
    .optional()
    .describe("Directory of its vision tokenizer, where it is not beside the weights."),
  freeGridText: z
    .boolean()
    .default(false)
    .describe(
      'Let the policy write a picture\'s "rows*columns" itself, and learn it, as in EARL; else it is given. The picture has the asked grid either way.',
    ),
  hiddenSize: z.int().min(8).default(96).describe("Width of the residual stream."),
  layers: z.int().min(1).default(4).describe("Decoder layers."),
  heads: z.int().min(1).default(4).describe("Attention heads."),
  keyValueHeads: z.int().min(1).default(2).describe("Key-value heads, shared by groups of attention heads."),
  intermediateSize: z.int().min(8).default(256).describe("Width inside the MLP."),
  ropeTheta: positive.default(200).describe("Base of the rotary embedding; small suits short sequences."),
  normEpsilon: positive.default(1e-5).describe("Added to the mean square in RMSNorm."),
  embeddingStd: positive.default(2).describe("Standard deviation of the token embeddings at the start."),
  weightStd: positive.default(0.1).describe("Standard deviation of all other matrices at the start."),
});

export const TokenizerSettings = z.strictObject({
  patchSize: z.int().min(2).default(8).describe("Side of a codebook patch, in pixels."),
  codebookSize: z.int().min(2).default(256).describe("Most entries the patch codebook may have."),
  padInstructions: z
    .boolean()
    .default(true)
    .describe(
      "Fill instructions up with pad to the longest one seen, so that source and target lie at one distance: a fresh policy then learns to copy in half the steps. Emu3 itself does not.",
    ),
  textMerges: z
    .int()
    .min(0)
    .default(256)
    .describe("Byte-pair merges learned from the instructions; 0 keeps plain bytes."),
});

export const DataSettings = z.strictObject({
  directory: z.string().describe("Folder with train-*, validation-* and test-* parquet files."),
  rlDirectory: z
    .string()
    .optional()
    .describe(
      "Folder whose train-* files the GRPO stage takes prompts and targets from; `directory` unless given.",
    ),
  thoughts: z.boolean().default(false).describe("Teach the policy to write the thought before the picture."),
});

export const OptimizerSettings = z.strictObject({
  beta1: share.default(0.9).describe("Decay of AdamW's first moment."),
  beta2: share.default(0.95).describe("Decay of AdamW's second moment."),
  epsilon: positive.default(1e-6).describe("Added to AdamW's denominator."),
  weightDecay: z.number().min(0).default(0).describe("Decoupled decay, applied to every parameter."),
  maxGradNorm: positive.default(1).describe("The gradient's global norm is clipped to this."),
});

export const EngineSettings = z.strictObject({
  device: z.enum(["cpu", "webgpu"]).default("cpu").describe("Where tensors live."),
  threads: z.int().min(0).default(0).describe("Threads of onnxruntime; 0 uses every core."),
  microbatchTokens: z
    .int()
    .min(64)
    .default(16_384)
    .describe("Most tokens in one pass; a larger batch is accumulated."),
  generationRows: z.int().min(1).default(128).describe("Most completions that are written at once."),
  recompute: z
    .boolean()
    .default(false)
    .describe("Compute each layer again in the backward pass, for less memory."),
});

export const SftSettings = z.strictObject({
  steps: z.int().min(0).default(2000).describe("Optimizer steps."),
  batchSize: z.int().min(1).default(16).describe("Edit examples a step."),
  learningRate: positive.default(1.5e-3).describe("Peak learning rate."),
  minLearningRateShare: share.default(0.05).describe("Share of the peak that the cosine ends at."),
  warmupSteps: z.int().min(0).default(30).describe("Steps of linear warm-up."),
  evaluateEvery: z.int().min(1).default(200).describe("Steps between validation losses."),
  validationSize: z.int().min(1).default(256).describe("Validation examples the loss is measured on."),
  patience: z
    .int()
    .min(1)
    .default(10)
    .describe("Evaluations without a better validation loss before stopping."),
  saveEvery: z.int().min(1).default(200).describe("Steps between checkpoints."),
});

export const LossSettings = z.strictObject({
  kind: z
    .enum(["grpo", "dr_grpo", "dapo", "gspo", "cispo"])
    .default("grpo")
    .describe("Published loss: how ratios are clipped and how tokens are averaged."),
  clipLow: share
    .optional()
    .describe(
      "The ratio may fall to 1 − this before it is clipped. Left out: what the named loss published.",
    ),
  clipHigh: positive
    .optional()
    .describe(
      "The ratio may rise to 1 + this before it is clipped. Left out: what the named loss published.",
    ),
  klCoef: z.number().min(0).default(1e-3).describe("Weight of the KL penalty to the reference policy."),
  klEstimator: z.enum(["k1", "k2", "k3"]).default("k3").describe("Estimator of that KL (Schulman 2020)."),
});

export const GrpoSettings = z.strictObject({
  steps: z.int().min(0).default(300).describe("Rollouts; each gives `updatesPerRollout` optimizer steps."),
  prompts: z.int().min(1).default(16).describe("Prompts a rollout."),
  groupSize: z.int().min(2).default(8).describe("Completions sampled for each prompt."),
  updatesPerRollout: z.int().min(1).default(1).describe("1 is on-policy; more uses the clipped surrogate."),
  temperature: positive.default(1).describe("Sampling temperature of the rollout."),
  maxTokens: z
    .int()
    .min(1)
    .default(512)
    .describe("Longest completion; longer ones are cut off and not scored."),
  advantageScale: z
    .enum(["population", "sample", "none", "batch"])
    .default("population")
    .describe(
      "What a centred reward is divided by: the group's std (either kind), nothing, or the batch's std.",
    ),
  resampleZeroVariance: z
    .int()
    .min(0)
    .default(0)
    .describe("Times a rollout may replace groups whose rewards are all equal (DAPO's dynamic sampling)."),
  learningRate: positive.default(2e-4).describe("Peak learning rate."),
  minLearningRateShare: share.default(0.2).describe("Share of the peak that the cosine ends at."),
  warmupSteps: z.int().min(0).default(5).describe("Steps of linear warm-up."),
  loss: LossSettings.prefault({}),
  evaluateEvery: z.int().min(1).default(50).describe("Steps between evaluations."),
  validationSize: z.int().min(1).default(128).describe("Validation edits an evaluation scores."),
  patience: z.int().min(1).default(10).describe("Evaluations without a better reward before stopping."),
  saveEvery: z.int().min(1).default(50).describe("Steps between checkpoints."),
  maxFailedVerdicts: share
    .default(0.5)
    .describe("Share of a rollout's verdicts that may fail before the run pauses."),
});

export const EvaluationSettings = z.strictObject({
  size: z
    .int()
    .min(0)
    .default(512)
    .describe("Held-out edits of the split `test` that are scored when training is done; 0 scores none."),
  comparisons: z.int().min(0).default(24).describe("Of these, how many the report shows side by side."),
});

export const RunConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]+$/, "letters, digits, dot, dash and underscore only")
    .describe("Folder under runs/."),
  seed: z.int().min(0).default(0).describe("Everything random in the run comes from it."),
  algorithm: z
    .enum(["sft", "grpo", "sft-grpo"])
    .describe("What trains the policy; sft-grpo goes on from the best SFT checkpoint in the same run."),
  data: DataSettings,
  policy: PolicySettings.prefault({}),
  tokenizer: TokenizerSettings.prefault({}),
  engine: EngineSettings.prefault({}),
  optimizer: OptimizerSettings.prefault({}),
  sft: SftSettings.prefault({}),
  grpo: GrpoSettings.prefault({}),
  evaluation: EvaluationSettings.prefault({}),
});

export type AdapterSettings = z.infer<typeof AdapterSettings>;
export type PolicySettings = z.infer<typeof PolicySettings>;
export type TokenizerSettings = z.infer<typeof TokenizerSettings>;
export type DataSettings = z.infer<typeof DataSettings>;
export type OptimizerSettings = z.infer<typeof OptimizerSettings>;
export type EngineSettings = z.infer<typeof EngineSettings>;
export type SftSettings = z.infer<typeof SftSettings>;
export type LossSettings = z.infer<typeof LossSettings>;
export type GrpoSettings = z.infer<typeof GrpoSettings>;
export type EvaluationSettings = z.infer<typeof EvaluationSettings>;
export type RunConfig = z.infer<typeof RunConfig>;
