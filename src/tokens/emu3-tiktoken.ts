/**
 * Emu3's published text tokenizer: `emu3.tiktoken` (base64 bytes and rank, one token a line) and
 * `emu3_vision_tokens.txt` (one special token a line). Merges go by the rank of what they make, as in tiktoken.
 */

import { CheckpointError } from "../errors.ts";
import { BytePairTokenizer } from "./byte-pair-tokenizer.ts";
import { QWEN_PATTERN, compilePattern } from "./pre-tokens.ts";

export const EMU3_RANKS_FILE = "emu3.tiktoken";
export const EMU3_VISION_FILE = "emu3_vision_tokens.txt";

/** Where special tokens start, however many ranks there are (reference: tokenization_emu3.py, SPECIAL_START_ID). */
const FIRST_SPECIAL_ID = 151_643;
const EXTRA_TOKENS = 205;

/** Throws CheckpointError, naming file and line, for content that is not of that form. */
export function readEmu3Tiktoken(ranksFile: Uint8Array, visionFile: Uint8Array): BytePairTokenizer {
  const idOf = ranksOf(Buffer.from(ranksFile).toString("latin1"));
  const forms = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
  for (let extra = 0; extra < EXTRA_TOKENS; extra += 1) forms.push(`<|extra_${extra}|>`);
  for (const line of Buffer.from(visionFile).toString("utf8").split(/\r?\n/)) {
    if (line.trim() !== "") forms.push(line.trim());
  }
  return new BytePairTokenizer({
    idOf,
    rankOf: (left, right) => idOf.get(left + right) ?? Infinity,
    wholePieces: true,
    pattern: compilePattern(QWEN_PATTERN),
    composes: true,
    specialTokens: new Map(forms.map((form, index) => [form, FIRST_SPECIAL_ID + index])),
    files: () =>
      new Map([
        [EMU3_RANKS_FILE, ranksFile],
        [EMU3_VISION_FILE, visionFile],
      ]),
  });
}

function ranksOf(content: string): Map<string, number> {
  const ranks = new Map<string, number>();
  for (const [index, line] of content.split("\n").entries()) {
    if (line.trim() === "") continue;
    const match = /^([A-Za-z0-9+/]+={0,2}) (\d+)\r?$/.exec(line);
    const rank = Number(match?.[2]);
    if (!match?.[1] || rank >= FIRST_SPECIAL_ID) {
      throw new CheckpointError(
        `${EMU3_RANKS_FILE}, line ${index + 1}: "${line.slice(0, 60)}" is no token and rank.`,
        {
          hint: "Download the file again.",
        },
      );
    }
    ranks.set(Buffer.from(match[1], "base64").toString("latin1"), rank);
  }
  return ranks;
}
