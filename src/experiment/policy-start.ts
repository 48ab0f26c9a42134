/**
 * A policy before its first step, with the tokens it reads and writes: opened from a checkpoint, or made fresh, its
 * codebook and merges fitted to the training examples.
 */

import { existsSync } from "node:fs";
import { basename, join } from "node:path";

import type { OpenDataset } from "../data/open-dataset.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import type { OptimizerSettings } from "../engine/optimizer-settings.ts";
import type { CheckpointFiles, OnLoad, PolicyEngine, PolicyWeights } from "../engine/policy-engine.ts";
import { CheckpointError } from "../errors.ts";
import { freshPolicyConfig, type PolicyConfig } from "../policy/config.ts";
import { readPolicyConfig } from "../policy/config-file.ts";
import { readAdapterDirectory } from "../policy/adapter-directory.ts";
import type { LoraSettings } from "../policy/lora.ts";
import { initialParameters, parameterCount } from "../policy/parameters.ts";
import type { PolicySettings } from "../policy/policy-settings.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import { isPolicyFile, verifyCheckpoint } from "../runs/checkpoint-state.ts";
import { learnByteLevelBpe } from "../tokens/byte-level-bpe.ts";
import { editGrammar } from "../tokens/edit-grammar.ts";
import { EMU3_RANKS_FILE } from "../tokens/emu3-tiktoken.ts";
import { fitPatchCodebook } from "../tokens/fit-patch-codebook.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { openTextTokenizer } from "../tokens/open-text-tokenizer.ts";
import { freshPositions, type Tokens } from "../tokens/sequence.ts";
import { vocabularyOf } from "../tokens/special-tokens.ts";
import type { BytePairTokenizer } from "../tokens/byte-pair-tokenizer.ts";
import { VISION_FILE, type VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import type { TokenizerSettings } from "../tokens/tokenizer-settings.ts";
import { fittingExamples } from "./fitting-examples.ts";
import { withAdapter } from "./lora-start.ts";
import type { RunConfig } from "./run-config.ts";

export interface PolicyStart {
  readonly config: PolicyConfig;
  readonly tokens: Tokens;
  readonly vision: VisionTokenizer;
  /** Where a host can open it again; absent for one that was fitted just now. */
  readonly visionDirectory?: string;
  readonly grammar: Grammar;
  /** Tokenizer files, to be written beside every checkpoint. */
  readonly companions: CheckpointFiles;
  /** The weights to start from; arrays are the caller's own. */
  readonly weights: () => PolicyWeights;
  /** Set where the policy has an adapter, which is then what is trained. */
  readonly adapter?: LoraSettings;
  /** Area of the pictures it was made for, in pixels, where its config says so and it was not trained here since. */
  readonly imageArea?: number | undefined;
  /** True where its weights are those of an `Emu3ForConditionalGeneration`. */
  readonly isNested?: boolean;
  /** What a reader of the log should know about it, in one line. */
  readonly about: string;
}

/**
 * The policy that a config starts from. `saved` is a checkpoint of the run where it is resumed: a fresh policy has its
 * tokenizers from there, since those fitted to other files would speak another language than its weights.
 */
export async function startPolicy(
  host: EngineHost,
  config: RunConfig,
  { train, saved }: { readonly train: OpenDataset; readonly saved?: string | undefined },
): Promise<PolicyStart> {
  const { policy, tokenizer, seed } = config;
  if (policy.checkpoint === undefined) {
    const tokenizers =
      saved === undefined ? fitTokenizers(tokenizer, train, seed) : savedTokenizers(host, saved);
    const fresh = freshPolicy(policy, await tokenizers, seed);
    host.requireRoom({ name: "The policy of these settings", config: fresh.config, trained: "all" });
    return fresh;
  }
  const start = withAdapter(await openPolicy(host, policy.checkpoint, policy), policy.lora, seed);
  host.requireRoom({ name: policy.checkpoint, config: start.config, trained: start.adapter ?? "all" });
  return start;
}

/** How a checkpoint is used. */
export interface PolicyUse {
  /** Where its tokenizers lie, if not beside its weights. */
  readonly tokenizer?: string | undefined;
  readonly visionTokenizer?: string | undefined;
  /** Whether it writes "rows*columns" itself; given where not set. */
  readonly freeGridText?: boolean | undefined;
}

/**
 * The policy of a checkpoint directory. Throws CheckpointError where files are missing or do not fit together,
 * EngineError where the host cannot hold the weights.
 */
export async function openPolicy(
  host: EngineHost,
  directory: string,
  use: PolicyUse = {},
): Promise<PolicyStart> {
  await verifyCheckpoint(directory, isPolicyFile);
  const adapter = await readAdapterDirectory(directory);
  const base = adapter?.base ?? directory;
  if (base !== directory) await verifyCheckpoint(base, isPolicyFile);
  // PEFT saves no tokenizer beside an adapter, earl does.
  const place = (...files: string[]): string =>
    files.some((file) => existsSync(join(directory, file))) ? directory : base;
  const textTokenizer = await openTextTokenizer(use.tokenizer ?? place("tokenizer.json", EMU3_RANKS_FILE));
  const visionDirectory = use.visionTokenizer ?? place(VISION_FILE);
  const vision = await host.openVision(visionDirectory);
  const tokens = { vocabulary: vocabularyOf(textTokenizer), textTokenizer };
  const opened = await openPolicyDirectory(base);
  const { config } = opened;
  await opened.close();
  const { imageArea, isNested } = await readPolicyConfig(base);
  requireFit(directory, config, tokens, vision);
  host.requireRoom({ name: directory, config, trained: "none" });
  return {
    ...policyOf(config, tokens, vision, use),
    isNested,
    visionDirectory,
    // Training reads pictures at the tokenizer's own size, whatever its base was made for.
    imageArea: existsSync(join(directory, VISION_FILE)) ? undefined : imageArea,
    ...(adapter === undefined
      ? { weights: () => ({ kind: "files", directory }) }
      : {
          weights: () => ({ kind: "adapter", directory: base, adapter: directory }),
          adapter: adapter.settings,
        }),
    about: `${directory}: ${describeSize(config)}`,
  };
}

function requireFit(directory: string, config: PolicyConfig, tokens: Tokens, vision: VisionTokenizer): void {
  const { imageTokenOffset, codebookSize } = tokens.vocabulary;
  const hint = "Use the tokenizers that the checkpoint was trained with.";
  if (imageTokenOffset + codebookSize > config.vocabularySize) {
    throw new CheckpointError(
      `The text tokenizer of ${directory} has ids up to ${imageTokenOffset + codebookSize}, the policy a vocabulary of ${config.vocabularySize}.`,
      { hint },
    );
  }
  if (vision.codebookSize !== codebookSize) {
    throw new CheckpointError(
      `The vision tokenizer of ${directory} has ${vision.codebookSize} codes, the text tokenizer ids for ${codebookSize}.`,
      { hint },
    );
  }
}

interface Tokenizers {
  readonly text: BytePairTokenizer;
  readonly vision: VisionTokenizer;
  /** Tokens that the longest sequence of them may have. */
  readonly positions: number;
  /** Where they are from, for the log. */
  readonly about: string;
}

async function fitTokenizers(
  settings: TokenizerSettings,
  train: OpenDataset,
  seed: number,
): Promise<Tokenizers> {
  const { pictures, instructions } = await fittingExamples(train, { seed, patchSize: settings.patchSize });
  const { tokenizer: vision, psnr } = fitPatchCodebook(pictures, { ...settings, seed });
  const text = learnByteLevelBpe(instructions, settings.textMerges, vision.codebookSize, {
    padsInstructions: settings.padInstructions,
  });
  const sizes = pictures.map(({ width, height }) => vision.fittingSize(width, height));
  const positions = freshPositions(sizes.map(({ width, height }) => vision.gridOf(width, height)));
  const quality = psnr === Infinity ? "lossless" : `PSNR ${psnr.toFixed(1)} dB`;
  return { text, vision, positions, about: `codebook of ${vision.codebookSize} patches (${quality})` };
}

async function savedTokenizers(host: EngineHost, checkpoint: string): Promise<Tokenizers> {
  const [text, vision] = [await openTextTokenizer(checkpoint), await host.openVision(checkpoint)];
  const positions = (await readPolicyConfig(checkpoint)).config.maxPositions;
  return { text, vision, positions, about: `codebook and merges of ${basename(checkpoint)}` };
}

function freshPolicy(
  settings: PolicySettings,
  { text, vision, positions, about }: Tokenizers,
  seed: number,
): PolicyStart {
  const tokens = { vocabulary: vocabularyOf(text), textTokenizer: text };
  const config = freshPolicyConfig(settings, tokens.vocabulary, positions);
  const { embeddingStd, weightStd } = settings;
  return {
    ...policyOf(config, tokens, vision, settings),
    weights: () => ({
      kind: "arrays",
      arrays: initialParameters(config, { embeddingStd, weightStd, seed }),
    }),
    about: `fresh: ${describeSize(config)}, ${about}`,
  };
}

function policyOf(
  config: PolicyConfig,
  tokens: Tokens,
  vision: VisionTokenizer,
  { freeGridText = false }: PolicyUse,
): Omit<PolicyStart, "weights" | "about"> {
  return {
    config,
    tokens,
    vision,
    grammar: editGrammar(tokens.vocabulary, tokens.textTokenizer, { freeGridText }),
    companions: new Map([...tokens.textTokenizer.files(), ...vision.files()]),
  };
}

function describeSize(config: PolicyConfig): string {
  const millions = parameterCount(config) / 1e6;
  return `${millions.toFixed(2)} M parameters, ${config.layers} layers of width ${config.hiddenSize}`;
}

export interface EnginePurpose {
  readonly optimizer: OptimizerSettings;
  /** One for inference trains nothing. */
  readonly purpose: "training" | "inference";
  /** Keeps the weights it starts from as the reference policy. */
  readonly keepsReference?: boolean;
  /** Hears how far the weights have been read. */
  readonly onLoad?: OnLoad;
}

/** An engine that holds the policy's weights. */
export function openEngine(
  host: EngineHost,
  start: PolicyStart,
  { optimizer, purpose, keepsReference = false, onLoad }: EnginePurpose,
): Promise<PolicyEngine> {
  const { about: name, config, grammar, companions, adapter } = start;
  return host.openEngine({
    name,
    config,
    grammar,
    companions,
    weights: start.weights(),
    reference: keepsReference ? "start" : undefined,
    trained: adapter ?? (purpose === "training" ? "all" : "none"),
    optimizer,
    onLoad,
  });
}
