/**
 * Which ids may follow at each position of a completion, as plain data that can travel to where tokens are drawn. After
 * the image-start token the grid is known, so row ends and the image's end are forced; at an image position only
 * codebook ids are possible, in text only text ids. Free positions are sampled from one segment, and the loss counts
 * them alone. grammar-follower.ts reads a grammar along a completion.
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

/** A stretch of a completion; `segment` indexes `Grammar.segments`. */
export type GrammarPart =
  /** These ids, whatever is likely. */
  | { readonly forced: Int32Array }
  /** So many free ids. */
  | { readonly segment: number; readonly count: number }
  /**
   * Free ids up to one that is `until`, which the segment must not ban. With `atMost` the stretch has no more ids than
   * that: where `until` was not drawn before, the last of them is forced to be it.
   */
  | { readonly segment: number; readonly until: number; readonly atMost?: number };

export interface Grammar {
  readonly segments: readonly Segment[];
  /** The stretches that every completion of the prompt is made of, in order. */
  parts(prompt: Prompt): readonly GrammarPart[];
}
