/**
 * `tokenizer.json` of Hugging Face's tokenizers library: a byte-level BPE model with its special tokens, written so
 * that transformers loads it, read from whoever wrote it. Other kinds of tokenizer are refused by name.
 */

import { z } from "zod";
import { CheckpointError } from "../errors.ts";
import { shownValue } from "../policy/fault-list.ts";
import { MOST } from "../policy/size-limits.ts";
import { spell, unspell } from "./byte-alphabet.ts";
import { BytePairTokenizer } from "./byte-pair-tokenizer.ts";
import {
  instructionLengthIn,
  LENGTH_IS_LOST,
  TOKENIZER_CONFIG_FILE,
  withInstructionLength,
} from "./instruction-length.ts";
import { GPT2_PATTERN, KNOWN_PATTERNS, QWEN_PATTERN, compilePattern } from "./pre-tokens.ts";
import { CONTROL_TOKENS } from "./special-tokens.ts";
import { EMU3_VOCABULARY } from "./vocabulary.ts";

/** Joins the two sides of a pair in a Map key; no latin-1 character, so it occurs in neither. */
const BETWEEN = "\u0100";

const ByteLevelPreTokenizer = z.object({
  type: z.literal("ByteLevel"),
  add_prefix_space: z.literal(false).default(false),
  use_regex: z.boolean().default(true),
});
const SplitPreTokenizer = z.object({
  type: z.literal("Split"),
  pattern: z.object({ Regex: z.string() }),
  behavior: z.literal("Isolated"),
  invert: z.literal(false).default(false),
});
const tokenId = z.int().min(0).max(MOST.vocabularySize);
/** `padding` and `truncation` are left alone: they are about batches of transformers' own calls. */
const TokenizerFile = z.object({
  added_tokens: z.array(z.object({ id: tokenId, content: z.string().min(1) })).default([]),
  normalizer: z
    .object({ type: z.literal("NFC") })
    .nullable()
    .default(null),
  pre_tokenizer: z.union([
    ByteLevelPreTokenizer,
    z.object({
      type: z.literal("Sequence"),
      pretokenizers: z.tuple([SplitPreTokenizer, ByteLevelPreTokenizer]),
    }),
  ]),
  model: z.object({
    type: z.literal("BPE"),
    vocab: z.record(z.string(), tokenId),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    ignore_merges: z.boolean().default(false),
  }),
});

/** A tokenizer of 256 bytes (id = byte), these merges in order, and the special tokens that follow the text ids. */
export function tokenizerFromMerges(
  merges: readonly (readonly [string, string])[],
  specialTokensAfter: (textSize: number) => ReadonlyMap<string, number>,
  { length, notice }: { readonly length?: number; readonly notice?: string | undefined } = {},
): BytePairTokenizer {
  const idOf = new Map<string, number>();
  for (let byte = 0; byte < 256; byte += 1) idOf.set(String.fromCharCode(byte), byte);
  // Two merges can make the same bytes; the token is then one.
  for (const [left, right] of merges) if (!idOf.has(left + right)) idOf.set(left + right, idOf.size);
  const specialTokens = specialTokensAfter(idOf.size);
  return new BytePairTokenizer({
    idOf,
    rankOf: rankOfMerges(merges),
    wholePieces: false,
    pattern: compilePattern(QWEN_PATTERN),
    composes: true,
    specialTokens,
    instructionLength: length,
    notice,
    files: () =>
      new Map([
        ["tokenizer.json", Buffer.from(tokenizerJson(idOf, merges, specialTokens))],
        [TOKENIZER_CONFIG_FILE, Buffer.from(tokenizerConfigJson(length))],
      ]),
  });
}

/**
 * Reads the content of a `tokenizer.json`; `others` are files that travel with it (its `tokenizer_config.json`).
 * Throws CheckpointError for a file that is damaged or holds another kind of tokenizer.
 */
export function readTokenizerJson(
  content: Uint8Array,
  others: ReadonlyMap<string, Uint8Array> = new Map(),
): BytePairTokenizer {
  const { file, json } = parsed(content);
  const idOf = new Map<string, number>();
  const specialTokens = new Map(file.added_tokens.map(({ id, content: form }) => [form, id]));
  for (const [spelled, id] of Object.entries(file.model.vocab)) {
    if (specialTokens.has(spelled)) continue;
    const bytes = unspell(spelled);
    // No bytes spell it, so no text can become it: it stands for something else, as image tokens do.
    if (bytes === undefined) specialTokens.set(spelled, id);
    else idOf.set(bytes, id);
  }
  const merges = file.model.merges.map((merge): [string, string] => {
    const [left, right] = typeof merge === "string" ? merge.split(" ") : merge;
    const pair = [unspell(left ?? ""), unspell(right ?? "")];
    if (!pair[0] || !pair[1]) throw faulty(`its merge ${JSON.stringify(merge)} is not two byte-level tokens`);
    return [pair[0], pair[1]];
  });
  const carried = instructionLengthIn(others.get(TOKENIZER_CONFIG_FILE), json);
  return new BytePairTokenizer({
    idOf,
    rankOf: rankOfMerges(merges),
    wholePieces: file.model.ignore_merges,
    pattern: compilePattern(patternOf(file.pre_tokenizer)),
    composes: file.normalizer !== null,
    specialTokens,
    instructionLength: carried.length,
    notice: carried.isUnknown && isEarls(specialTokens) ? LENGTH_IS_LOST : undefined,
    files: () => new Map([["tokenizer.json", content], ...others]),
  });
}

/** Emu3's control tokens at other ids than Emu3's: only earl makes such tokenizers. */
function isEarls(specialTokens: ReadonlyMap<string, number>): boolean {
  return (
    specialTokens.has(CONTROL_TOKENS.boi) && specialTokens.get(CONTROL_TOKENS.pad) !== EMU3_VOCABULARY.pad
  );
}

function parsed(content: Uint8Array): { file: z.infer<typeof TokenizerFile>; json: unknown } {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(content).toString("utf8"));
  } catch (cause) {
    throw faulty("it is not JSON", cause);
  }
  const result = TokenizerFile.safeParse(json);
  if (!result.success) throw faulty(z.prettifyError(result.error), result.error);
  return { file: result.data, json };
}

function faulty(what: string, cause?: unknown): CheckpointError {
  return new CheckpointError(`tokenizer.json cannot be used: ${what}.`, {
    hint: "earl reads byte-level BPE tokenizers; download the file again or use the checkpoint's own.",
    cause,
  });
}

function patternOf(preTokenizer: z.infer<typeof TokenizerFile>["pre_tokenizer"]): string {
  if (preTokenizer.type === "Sequence") {
    const [split, byteLevel] = preTokenizer.pretokenizers;
    if (byteLevel.use_regex)
      throw faulty("its pre-tokenizer splits twice (Split, then ByteLevel with use_regex)");
    if (KNOWN_PATTERNS.has(split.pattern.Regex)) return split.pattern.Regex;
    throw new CheckpointError(
      `tokenizer.json splits words by a pattern that earl does not know: ${shownValue(split.pattern.Regex)}.`,
      {
        // One that backtracks may take for ever on a short text, and nothing tells such patterns from others.
        hint: "The patterns of GPT-2, Llama 3, Qwen and Emu3 are known; save the tokenizer with one of those.",
      },
    );
  }
  if (!preTokenizer.use_regex) throw faulty("its pre-tokenizer does not split words");
  return GPT2_PATTERN;
}

function rankOfMerges(
  merges: readonly (readonly [string, string])[],
): (left: string, right: string) => number {
  const ranks = new Map<string, number>();
  for (const [rank, [left, right]] of merges.entries()) ranks.set(left + BETWEEN + right, rank);
  return (left, right) => ranks.get(left + BETWEEN + right) ?? Infinity;
}

function tokenizerJson(
  idOf: ReadonlyMap<string, number>,
  merges: readonly (readonly [string, string])[],
  specialTokens: ReadonlyMap<string, number>,
): string {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [...specialTokens].map(([content, id]) => ({ id, content, ...flags })),
    normalizer: { type: "NFC" },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: QWEN_PATTERN }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...idOf].map(([bytes, id]) => [spell(bytes), id])),
      merges: merges.map(([left, right]) => [spell(left), spell(right)]),
    },
  });
}

/** What transformers' AutoTokenizer needs beside `tokenizer.json`. */
function tokenizerConfigJson(instructionLength: number | undefined): string {
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: CONTROL_TOKENS.bos,
    eos_token: CONTROL_TOKENS.eos,
    pad_token: CONTROL_TOKENS.pad,
    clean_up_tokenization_spaces: false,
  };
  return `${JSON.stringify(withInstructionLength(config, instructionLength), undefined, 2)}\n`;
}
