/** edit.json: what `earl edit` was asked for and what every completion was, so that a picture can be accounted for. */

import type { Completion, Sampling } from "../engine/policy-engine.ts";
import type { GridSize, PictureSize } from "../tokens/vision-tokenizer.ts";

export interface EditedPicture {
  /** 1 for the first. */
  readonly number: number;
  /** Name of the picture beside edit.json, or why there is none. */
  readonly outcome: { readonly file: string } | { readonly problem: string };
  /** Only where one was asked for: its words, or why they cannot be read. */
  readonly thought?: { readonly thought: string } | { readonly problem: string };
  readonly completion: Completion;
}

export interface EditRecord {
  readonly checkpoint: string;
  readonly instruction: string;
  readonly source: PictureSize & { readonly file: string };
  /** The source as the policy saw it. */
  readonly readAt: PictureSize & { readonly grid: GridSize };
  /** Grid of the written pictures. */
  readonly grid: GridSize;
  /** Their size in pixels; undefined where there is none. */
  readonly picture: PictureSize | undefined;
  readonly seed: number;
  readonly sampling: Sampling;
  readonly edits: readonly EditedPicture[];
  /** Pictures of earlier edits that lie in the folder still. */
  readonly earlier: readonly string[];
}

/** The record as JSON, a list of numbers on one line. */
export function editJson(record: EditRecord): string {
  const { groupSize, maxTokens, ...sampling } = record.sampling;
  const content = {
    checkpoint: record.checkpoint,
    instruction: record.instruction,
    source: record.source,
    readAt: record.readAt,
    grid: record.grid,
    picture: record.picture,
    seed: record.seed,
    sampling: { n: groupSize, maxTokens, ...sampling },
    completions: record.edits.map(completionJson),
    ...(record.earlier.length > 0 && { earlier: record.earlier }),
  };
  const text = JSON.stringify(content, null, 2);
  return `${text.replaceAll(/\[\s+(-?\d[-\d.e+,\s]*?)\s+\]/g, (_, numbers: string) => `[${numbers.replaceAll(/\s+/g, " ")}]`)}\n`;
}

function completionJson({ number, outcome, thought, completion }: EditedPicture): Record<string, unknown> {
  const { ids, logprobs, isFinished } = completion;
  return {
    number,
    ...outcome,
    ...(thought === undefined
      ? {}
      : "thought" in thought
        ? { thought: thought.thought }
        : { thoughtProblem: thought.problem }),
    isFinished,
    tokens: [...ids],
    // Seven digits are all that float32 has.
    logprobs: Array.from(logprobs, (value) => Number(value.toPrecision(7))),
  };
}
