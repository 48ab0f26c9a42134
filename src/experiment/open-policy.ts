/** A policy with the tokens it reads and writes, opened from a checkpoint: nothing of its weights is read yet. */

import { existsSync } from "node:fs";
import { join } from "node:path";

import type { EngineHost } from "../engine/engine-host.ts";
import type { CheckpointFiles, PolicyWeights } from "../engine/policy-engine.ts";
import { CheckpointError } from "../errors.ts";
import type { PolicyConfig } from "../policy/config.ts";
import { readPolicyConfig } from "../policy/config-file.ts";
import { readAdapterDirectory } from "../policy/adapter-directory.ts";
import type { LoraSettings } from "../policy/lora.ts";
import { parameterCount } from "../policy/parameters.ts";
import { openPolicyDirectory } from "../policy/policy-directory.ts";
import { isPolicyFile, verifyCheckpoint } from "../runs/checkpoint-state.ts";
import { editGrammar } from "../tokens/edit-grammar.ts";
import type { Grammar } from "../tokens/grammar.ts";
import { hasTextTokenizer, openTextTokenizer } from "../tokens/open-text-tokenizer.ts";
import type { Tokens } from "../tokens/sequence.ts";
import { vocabularyOf } from "../tokens/special-tokens.ts";
import { VISION_FILE, type VisionTokenizer } from "../tokens/vision-tokenizer.ts";

export interface OpenPolicy {
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
): Promise<OpenPolicy> {
  await verifyCheckpoint(directory, isPolicyFile);
  const adapter = await readAdapterDirectory(directory);
  const base = adapter?.base ?? directory;
  if (base !== directory) await verifyCheckpoint(base, isPolicyFile);
  // PEFT saves no tokenizer beside an adapter, earl does.
  const textDirectory = use.tokenizer ?? (hasTextTokenizer(directory) ? directory : base);
  const textTokenizer = await openTextTokenizer(textDirectory);
  const visionDirectory =
    use.visionTokenizer ?? (existsSync(join(directory, VISION_FILE)) ? directory : base);
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

/** A policy of these tokens, but for its weights. */
export function policyOf(
  config: PolicyConfig,
  tokens: Tokens,
  vision: VisionTokenizer,
  { freeGridText = false }: PolicyUse,
): Omit<OpenPolicy, "weights" | "about"> {
  return {
    config,
    tokens,
    vision,
    grammar: editGrammar(tokens.vocabulary, tokens.textTokenizer, { freeGridText }),
    companions: new Map([...tokens.textTokenizer.files(), ...vision.files()]),
  };
}

/** "0.52 M parameters, 4 layers of width 96". */
export function describeSize(config: PolicyConfig): string {
  const millions = parameterCount(config) / 1e6;
  return `${millions.toFixed(2)} M parameters, ${config.layers} layers of width ${config.hiddenSize}`;
}
