/**
 * Which ids may follow at each position of a completion. After the image-start token the grid is known, so row
 * ends and the image's end are forced; at an image position only codebook ids are possible, in text only text ids.
 * The engine samples at free positions from one segment, and the loss counts free positions alone.
 */

import type { Prompt } from "./prompt.ts";

/** A contiguous range of ids that one softmax is taken over. */
export interface Segment {
  readonly name: string;
  /** First id. */
  readonly start: number;
  /** One past the last id. */
  readonly end: number;
  /** Ids within the range that may never be drawn; they are left out of the softmax. */
  readonly banned: readonly number[];
}

export type Constraint =
  | { readonly kind: "forced"; readonly id: number }
  /** `segment` indexes `Grammar.segments`. */
  | { readonly kind: "free"; readonly segment: number }
  | { readonly kind: "end" };

/** Follows one completion as it grows. */
export interface GrammarState {
  /** What may come next. */
  next(): Constraint;
  /**
   * What may come at the next places whatever is drawn, as far as that is certain: at least `next()`, at most `count`
   * places; an end is the last.
   */
  ahead(count: number): Constraint[];
  /** Takes the id that came. Throws DataError for an id that `next` does not allow. */
  advance(id: number): void;
}

export interface Grammar {
  readonly segments: readonly Segment[];
  begin(prompt: Prompt): GrammarState;
}
