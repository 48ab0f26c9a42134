/** A policy made of nothing: its codebook and merges fitted to training examples, its weights drawn from the seed. */

import { basename } from "node:path";

import type { OpenDataset } from "../data/open-dataset.ts";
import type { EngineHost } from "../engine/engine-host.ts";
import type { Picture } from "../images/picture.ts";
import { freshPolicyConfig } from "../policy/config.ts";
import { readPolicyConfig } from "../policy/config-file.ts";
import { startFromLooks } from "../policy/code-start.ts";
import { initialParameters } from "../policy/parameters.ts";
import type { PolicySettings } from "../policy/policy-settings.ts";
import { learnByteLevelBpe } from "../tokens/byte-level-bpe.ts";
import type { BytePairTokenizer } from "../tokens/byte-pair-tokenizer.ts";
import { fitPatchCodebook } from "../tokens/fit-patch-codebook.ts";
import { openTextTokenizer } from "../tokens/open-text-tokenizer.ts";
import { freshPositions } from "../tokens/sequence.ts";
import { vocabularyOf } from "../tokens/special-tokens.ts";
import type { TokenizerSettings } from "../tokens/tokenizer-settings.ts";
import type { VisionTokenizer } from "../tokens/vision-tokenizer.ts";
import { fittingExamples } from "./fitting-examples.ts";
import { describeSize, policyOf, type OpenPolicy } from "./open-policy.ts";

/** What a fresh policy reads and writes with. */
export interface Tokenizers {
  readonly text: BytePairTokenizer;
  readonly vision: VisionTokenizer;
  /** Tokens that the longest sequence of them may have. */
  readonly positions: number;
  /** Where they are from, for the log. */
  readonly about: string;
}

interface FittingRequest {
  readonly train: OpenDataset;
  readonly seed: number;
  readonly writesThoughts: boolean;
}

/**
 * Tokenizers fitted to examples that are drawn from the seed. Where these are code grids already, the codebook is the one
 * that they were made with, and merges alone are fitted.
 */
export async function freshTokenizers(
  host: EngineHost,
  settings: TokenizerSettings,
  { train, seed, writesThoughts }: FittingRequest,
): Promise<Tokenizers> {
  const { patchSize } = settings;
  const { pictures, grids, instructions, thoughts } = await fittingExamples(train, { seed, patchSize });
  const { vision, about } =
    train.codesOf === undefined
      ? fittedCodebook(pictures, settings, seed)
      : {
          vision: await host.openVision(train.codesOf.directory),
          about: `codebook of ${train.codesOf.directory}`,
        };
  const text = learnByteLevelBpe(instructions, settings.textMerges, vision.codebookSize, {
    padsInstructions: settings.padInstructions,
    // What a policy is to write, it should not have to spell.
    ...(writesThoughts && { alsoRead: thoughts }),
  });
  const sizes = pictures.map(({ width, height }) => vision.fittingSize(width, height));
  const all = [...grids, ...sizes.map(({ width, height }) => vision.gridOf(width, height))];
  return { text, vision, positions: freshPositions(all), about };
}

function fittedCodebook(
  pictures: readonly Picture[],
  settings: TokenizerSettings,
  seed: number,
): Pick<Tokenizers, "vision" | "about"> {
  const { tokenizer: vision, psnr } = fitPatchCodebook(pictures, { ...settings, seed });
  const quality = psnr === Infinity ? "lossless" : `PSNR ${psnr.toFixed(1)} dB`;
  return { vision, about: `codebook of ${vision.codebookSize} patches (${quality})` };
}

/** Those of a checkpoint of the run: fitted again to other files they would speak another language than its weights. */
export async function savedTokenizers(host: EngineHost, checkpoint: string): Promise<Tokenizers> {
  const [text, vision] = [await openTextTokenizer(checkpoint), await host.openVision(checkpoint)];
  const positions = (await readPolicyConfig(checkpoint)).config.maxPositions;
  return { text, vision, positions, about: `codebook and merges of ${basename(checkpoint)}` };
}

export async function freshPolicy(
  settings: PolicySettings,
  { text, vision, positions, about }: Tokenizers,
  seed: number,
): Promise<OpenPolicy> {
  const tokens = { vocabulary: vocabularyOf(text), textTokenizer: text };
  const config = freshPolicyConfig(settings, tokens.vocabulary, positions);
  const { embeddingStd, weightStd, startFromLooks: share } = settings;
  const looks = share === 0 ? [] : await looksOf(vision);
  return {
    ...policyOf(config, tokens, vision, settings),
    weights: () => {
      const arrays = initialParameters(config, { embeddingStd, weightStd, seed });
      const { hiddenSize } = config;
      const first = tokens.vocabulary.imageTokenOffset;
      if (share > 0) startFromLooks(arrays, { looks, first, hiddenSize, share, seed });
      return { kind: "arrays", arrays };
    },
    about: `fresh: ${describeSize(config)}, ${about}`,
  };
}

/** Codes decoded at once. */
const AT_ONCE = 1024;

/** The pixels that each code decodes to by itself. */
async function looksOf(vision: VisionTokenizer): Promise<readonly Uint8Array[]> {
  const looks: Uint8Array[] = [];
  for (let start = 0; start < vision.codebookSize; start += AT_ONCE) {
    const count = Math.min(AT_ONCE, vision.codebookSize - start);
    const grids = Array.from({ length: count }, (_, code) => ({
      rows: 1,
      columns: 1,
      codes: Int32Array.of(start + code),
    }));
    for (const { pixels } of await vision.decode(grids)) looks.push(Uint8Array.from(pixels));
  }
  return looks;
}
