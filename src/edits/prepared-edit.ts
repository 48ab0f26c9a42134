/**
 * An edit example as a policy meets it: pictures decoded, codes looked up, prompt laid out. Everything from rollouts up
 * sees this shape, whatever file the example came from.
 */

import type { EditCaptions, ExpectedEdit } from "../data/edit-dataset.ts";
import { DataError } from "../errors.ts";
import type { Picture } from "../images/picture.ts";
import type { ReadIds } from "../tokens/constraints.ts";
import type { Prompt } from "../tokens/prompt.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";

export interface PreparedEdit {
  readonly id: string;
  /** Kind of edit, as the dataset names it. */
  readonly task: string;
  readonly instruction: string;
  readonly source: Picture;
  readonly sourceCodes: CodeGrid;
  /** What the policy continues in a rollout; the picture to be written has the source's grid. */
  readonly prompt: Prompt;
  /** Absent where the dataset has no target. */
  readonly target?: Picture;
  readonly targetCodes?: CodeGrid;
  readonly demonstration?: Demonstration;
  readonly captions?: EditCaptions;
  readonly expected?: ExpectedEdit;
}

/** What a perfect policy would write, for supervised training. Without a thought the prompt is the one that goes on to the picture. */
export interface Demonstration extends ReadIds {
  readonly prompt: Prompt;
}

/** Examples that are made ready when they are asked for. */
export interface PreparedEdits {
  readonly count: number;
  /**
   * An edit for each of these numbers, in the order asked. In the place of one that cannot be read stands another, which
   * follows from the number alone. Throws DataError where too many cannot be read.
   */
  take(indices: readonly number[]): Promise<PreparedEdit[]>;
  /** The edits of these numbers that can be read, in the order asked. Throws as `take` does. */
  takeReadable(indices: readonly number[]): Promise<PreparedEdit[]>;
}

/** So many at once that preparing them can overlap, and few enough that a slow vision tokenizer is heard from. */
const TAKEN_AT_ONCE = 16;

/**
 * The first `most` edits that can be read, or all where there are fewer; `onPrepared` hears how many are ready. Throws
 * DataError where none can be read.
 */
export async function firstEdits(
  edits: PreparedEdits,
  most: number,
  onPrepared: (done: number) => void = () => {},
): Promise<PreparedEdit[]> {
  const prepared: PreparedEdit[] = [];
  for (let start = 0; start < edits.count && prepared.length < most;) {
    const length = Math.min(TAKEN_AT_ONCE, most - prepared.length, edits.count - start);
    prepared.push(...(await edits.takeReadable(Array.from({ length }, (_, index) => start + index))));
    start += length;
    onPrepared(prepared.length);
  }
  if (prepared.length === 0 && most > 0) {
    throw new DataError("No row of the dataset can be read.", { hint: "Fetch or repair the dataset." });
  }
  return prepared;
}

/**
 * At most `most` edits, spread evenly over all rows: a list that is sorted by task gives some of each. Rows that cannot be
 * read are left out. Throws DataError where none can be read.
 */
export async function spacedEdits(edits: PreparedEdits, most: number): Promise<PreparedEdit[]> {
  const length = Math.min(most, edits.count);
  const rows = Array.from({ length }, (_, index) => Math.floor((index * edits.count) / length));
  const prepared: PreparedEdit[] = [];
  for (let start = 0; start < length; start += TAKEN_AT_ONCE) {
    prepared.push(...(await edits.takeReadable(rows.slice(start, start + TAKEN_AT_ONCE))));
  }
  if (prepared.length === 0) {
    throw new DataError("No row of the dataset can be read.", { hint: "Fetch or repair the dataset." });
  }
  return prepared;
}
