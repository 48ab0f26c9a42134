/** A grammar without structure: so many ids of one range, all free. For benchmarks and for tests of an engine. */

import { ConfigError, DataError } from "../errors.ts";
import type { Constraint, Grammar } from "./grammar.ts";

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
    begin() {
      let written = 0;
      const at = (place: number): Constraint =>
        place < length ? { kind: "free", segment: 0 } : { kind: "end" };
      return {
        next: () => at(written),
        ahead: (count) =>
          Array.from({ length: Math.min(count, length - written + 1) }, (_, offset) => at(written + offset)),
        advance(id) {
          if (written >= length) throw new DataError(`Id ${id} comes after the end of the completion.`);
          if (id < start || id >= end) throw new DataError(`Id ${id} is outside ${start} to ${end}.`);
          written += 1;
        },
      };
    },
  };
}
