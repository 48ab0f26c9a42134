/**
 * Cuts a text into the pieces that merges stay within: words with the space before them, single digits, runs of
 * punctuation, line ends, spaces. The patterns are written for Rust's and Oniguruma's regular expressions; the same
 * source is translated for JavaScript's here.
 */

/** Qwen's and Emu3's pattern, as it stands in their tokenizer files. */
export const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** GPT-2's pattern, which a `ByteLevel` pre-tokenizer uses when it has none of its own. */
export const GPT2_PATTERN =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** Llama 3's pattern, and GPT-4's: Qwen's with numbers in threes. */
const LLAMA3_PATTERN = QWEN_PATTERN.replace("|\\p{N}|", "|\\p{N}{1,3}|");

/** Patterns that are known to take time in proportion to the text. */
export const KNOWN_PATTERNS: ReadonlySet<string> = new Set([QWEN_PATTERN, GPT2_PATTERN, LLAMA3_PATTERN]);

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
// Without inline flags on Node 20. U+017F is the long s, which folds to "s" in Unicode.
const CONTRACTIONS_EXPANDED = "'(?:[sS\\u017ftTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])";

/** Translates one of the known patterns. */
export function compilePattern(pattern: string): RegExp {
  const translated = pattern
    .replaceAll(CONTRACTIONS, CONTRACTIONS_EXPANDED)
    // JavaScript's own \s takes U+FEFF and leaves U+0085; the property is what the other engines mean.
    .replaceAll("\\s", "\\p{White_Space}")
    .replaceAll("\\S", "\\P{White_Space}");
  return new RegExp(translated, "gu");
}

/** The pieces of a text, in order; together they are the text. */
export function preTokens(text: string, pattern: RegExp): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) pieces.push(text.slice(end, match.index));
    if (match[0] !== "") pieces.push(match[0]);
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}
