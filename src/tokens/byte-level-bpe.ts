/**
 * Learns a small text tokenizer from the texts that a policy will read: 256 bytes, then merges of the neighbours that
 * occur together most often (Sennrich et al. 2016, algorithm 1), then Emu3's control tokens and one token a code.
 */

import type { BytePairTokenizer } from "./byte-pair-tokenizer.ts";
import { bytesOf } from "./byte-alphabet.ts";
import { QWEN_PATTERN, compilePattern, preTokens } from "./pre-tokens.ts";
import { specialTokensFrom } from "./special-tokens.ts";
import { tokenizerFromMerges } from "./tokenizer-json.ts";

interface Word {
  parts: string[];
  readonly count: number;
}

// Joins the two sides of a pair in a Map key; it is no latin-1 character, so it occurs in neither.
const BETWEEN = "\u0100";

/**
 * At most `merges` merges, fewer where no pair occurs twice; 0 leaves plain bytes. The same texts give the same
 * tokenizer: of pairs that occur equally often, the one first in byte order is merged. With `padsInstructions` it
 * fills instructions up to the longest of the texts (TextTokenizer.instructionLength), and says so where few are long.
 */
export function learnByteLevelBpe(
  texts: Iterable<string>,
  merges: number,
  codebookSize: number,
  options: { readonly padsInstructions?: boolean; readonly alsoRead?: readonly string[] } = {},
): BytePairTokenizer {
  const instructions = [...texts];
  const words = merges > 0 ? wordsOf([...instructions, ...(options.alsoRead ?? [])]) : [];
  const learned: [string, string][] = [];
  while (learned.length < merges) {
    const pair = mostFrequentPair(words);
    if (pair === undefined) break;
    learned.push(pair);
    for (const word of words) word.parts = merged(word.parts, pair);
  }
  const specialTokens = (textSize: number): ReadonlyMap<string, number> =>
    specialTokensFrom(textSize, codebookSize);
  const tokenizer = tokenizerFromMerges(learned, specialTokens);
  if (options.padsInstructions !== true) return tokenizer;
  const lengths = Array.from(instructions, (text) => tokenizer.encode(text).length).toSorted((a, b) => a - b);
  const length = Math.max(1, lengths.at(-1) ?? 1);
  return tokenizerFromMerges(learned, specialTokens, { length, notice: fillingNotice(lengths) });
}

/** Filling costs what the longest instruction costs, at every step. `lengths` are sorted. */
function fillingNotice(lengths: readonly number[]): string | undefined {
  const longest = lengths.at(-1) ?? 0;
  const usual = lengths[Math.floor(0.95 * (lengths.length - 1))] ?? 0;
  if (longest < 64 || longest < 4 * usual) return undefined;
  return `Instructions are filled up to the ${longest} ids of the longest, though 19 of 20 have at most ${usual}: every prompt pays for it. Leave the longest out, or set tokenizer.padInstructions=false.`;
}

function wordsOf(texts: Iterable<string>): Word[] {
  const pattern = compilePattern(QWEN_PATTERN);
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const piece of preTokens(text.normalize("NFC"), pattern)) {
      const bytes = bytesOf(piece);
      counts.set(bytes, (counts.get(bytes) ?? 0) + 1);
    }
  }
  return [...counts].map(([bytes, count]) => ({ parts: bytes.split(""), count }));
}

function mostFrequentPair(words: readonly Word[]): [string, string] | undefined {
  const counts = new Map<string, number>();
  for (const { parts, count } of words) {
    for (let index = 0; index + 1 < parts.length; index += 1) {
      const key = `${parts[index]}${BETWEEN}${parts[index + 1]}`;
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
  }
  let best: string | undefined;
  let bestCount = 1;
  for (const [key, count] of counts) {
    if (count > bestCount || (count === bestCount && best !== undefined && key < best)) {
      best = key;
      bestCount = count;
    }
  }
  return best?.split(BETWEEN) as [string, string] | undefined;
}

function merged(parts: string[], [left, right]: readonly [string, string]): string[] {
  const result: string[] = [];
  for (let index = 0; index < parts.length; index += 1) {
    if (parts[index] === left && parts[index + 1] === right) {
      result.push(left + right);
      index += 1;
    } else {
      result.push(parts[index] as string);
    }
  }
  return result;
}
