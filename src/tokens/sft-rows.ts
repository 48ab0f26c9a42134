/**
 * Supervised examples as EARL's dataset and collator make them, for comparison with that system and with models that
 * were trained by it. Our own loop trains on `trainingPair`, whose split is the one of generation.
 */

import { completionOf, questionIds, type EditParts, type Tokens } from "./sequence.ts";

/** The label of an id that does not count in the loss (torch's `ignore_index`). */
export const IGNORED_LABEL = -100;

export interface SftRow {
  readonly ids: Int32Array;
  /** The id where it counts (everything after the instruction), else −100. [ids.length] */
  readonly labels: Int32Array;
}

export function sftRow(tokens: Tokens, parts: EditParts): SftRow {
  const question = questionIds(tokens, parts);
  const completion = completionOf(tokens, parts);
  return {
    ids: Int32Array.from([...question, ...completion]),
    labels: Int32Array.from([...question.map(() => IGNORED_LABEL), ...completion]),
  };
}

/** Rows of one length, padded on the left. All [rows, length]. */
export interface LeftPaddedBatch {
  readonly ids: Int32Array[];
  readonly attentionMask: Int32Array[];
  readonly labels: Int32Array[];
  /** 0 at a row's first token; 1 at padding, as EARL's collator has it. */
  readonly positions: Int32Array[];
}

/** Pads with id 0, which the mask hides. */
export function leftPadded(rows: readonly SftRow[]): LeftPaddedBatch {
  const length = Math.max(0, ...rows.map(({ ids }) => ids.length));
  const pad = (values: ArrayLike<number>, filler: number): Int32Array => {
    const padded = new Int32Array(length).fill(filler);
    padded.set(values, length - values.length);
    return padded;
  };
  return {
    ids: rows.map(({ ids }) => pad(ids, 0)),
    attentionMask: rows.map(({ ids }) =>
      pad(
        ids.map(() => 1),
        0,
      ),
    ),
    labels: rows.map(({ labels }) => pad(labels, IGNORED_LABEL)),
    positions: rows.map(({ ids }) => pad(Int32Array.from(ids.keys()), 1)),
  };
}
