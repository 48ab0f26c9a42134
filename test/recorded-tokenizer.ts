/**
 * Emu3's tokenizer as the recordings in test/fixtures used it. Its rank file is 425 tokens and then padding up to
 * 151,643 entries; the padding is counted out here, so that the repository does not carry 2 MB of it.
 */

import { readFileSync } from "node:fs";
import type { BytePairTokenizer } from "../src/tokens/byte-pair-tokenizer.ts";
import { readEmu3Tiktoken } from "../src/tokens/emu3-tiktoken.ts";

const folder = new URL("./fixtures/text-tokenizer/", import.meta.url);

/** The rank file of the recording, byte for byte. */
export function recordedRanks(): Buffer {
  const lines = readFileSync(new URL("emu3-first-ranks.tiktoken", folder), "latin1").trimEnd().split("\n");
  for (let rank = lines.length, number = 0; rank < 151_643; rank += 1, number += 1) {
    const filler = Buffer.from([0xff, 0xfe, number >> 16, (number >> 8) & 0xff, number & 0xff]);
    lines.push(`${filler.toString("base64")} ${rank}`);
  }
  return Buffer.from(`${lines.join("\n")}\n`);
}

export function recordedVisionTokens(): Buffer {
  return readFileSync(new URL("emu3_vision_tokens.txt", folder));
}

export function recordedTokenizer(): BytePairTokenizer {
  return readEmu3Tiktoken(recordedRanks(), recordedVisionTokens());
}
