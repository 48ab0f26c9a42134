/** What a thought about an edit says, in this order. */

import type { Box } from "../data/thoughts/boxes.ts";

/** A thing or place that is edited, with its box in pixels of the source picture. */
export interface Region {
  readonly what: string;
  readonly box: Box;
}

export interface ThoughtParts {
  /** What the source picture shows. */
  readonly describe: string;
  /** What is edited, and where. */
  readonly locate: readonly Region[];
  readonly change: string;
  /** What the edited picture shows. */
  readonly result: string;
}

/** The parts as a file keeps them and a policy learns them: words by name. */
export function wordsOf({ describe, locate, change, result }: ThoughtParts): Record<string, string> {
  const regions = locate.map(({ what, box }) => `${what} [${box.join(", ")}]`);
  return { describe, locate: regions.join("; "), change, result };
}
