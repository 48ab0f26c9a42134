/** A grammar without structure: so many ids of one range, all free. For benchmarks and for tests of an engine. */

import { ConfigError } from "../errors.ts";
import type { Grammar } from "./grammar.ts";

export interface PlainGrammarOptions {
  /** First id that may be drawn. */
  readonly start?: number;
  /** One past the last id that may be drawn; the vocabulary's size unless given. */
  readonly end?: number;
  /** Ids in a completion. */
  readonly length: number;
}

export function plainGrammar(
  vocabularySize: number,
  { start = 0, end = vocabularySize, length }: PlainGrammarOptions,
): Grammar {
  if (start < 0 || start >= end || end > vocabularySize) {
    throw new ConfigError(`Ids ${start} to ${end} are no range of a vocabulary of ${vocabularySize}.`);
  }
  return {
    segments: [{ name: "all", start, end, banned: [] }],
    parts: () => [{ segment: 0, count: length }],
  };
}
