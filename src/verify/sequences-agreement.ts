/** Whole sequences against EARL's dataset class and collator: supervised rows, rollout prompts, a padded batch. */

import { z } from "zod";
import { openTextTokenizer } from "../tokens/open-text-tokenizer.ts";
import { promptOf, thoughtText, type Tokens } from "../tokens/sequence.ts";
import { leftPadded, sftRow, type SftRow } from "../tokens/sft-rows.ts";
import { vocabularyOf } from "../tokens/special-tokens.ts";
import type { CodeGrid } from "../tokens/vision-tokenizer.ts";
import { compareEqual, type Comparison } from "./comparison.ts";
import { readRecordedJson } from "./recorded-json.ts";

const ids = z.array(z.int());
const Row = z.looseObject({ input_ids: ids, labels: ids });
const Codes = z.array(ids).min(1);
export const SequencesRecording = z.looseObject({
  cases: z
    .array(
      z.looseObject({
        source_codes: Codes,
        target_codes: Codes,
        instruction: z.string(),
        thought: z.record(z.string(), z.string()).default({}),
        sft: Row,
        sft_thought: Row.optional(),
        rl_prompt: ids.optional(),
        rl_prompt_thought: ids.optional(),
      }),
    )
    .min(1),
  sft_batch: z
    .looseObject({
      input_ids: z.array(ids),
      attention_mask: z.array(ids),
      labels: z.array(ids),
      position_ids: z.array(ids),
    })
    .optional(),
});
type Case = z.infer<typeof SequencesRecording>["cases"][number];

/** Parts of a recorded thought, in the order in which EARL was told to join them. */
const THOUGHT_KEYS = ["conditioning_information", "thinking"];

/** `tokenizerDirectory` holds the text tokenizer of the recording. */
export async function* compareSequences(
  file: string,
  tokenizerDirectory: string,
): AsyncGenerator<Comparison, string[]> {
  const { cases, sft_batch: batch } = await readRecordedJson(file, SequencesRecording);
  const textTokenizer = await openTextTokenizer(tokenizerDirectory);
  const tokens = { vocabulary: vocabularyOf(textTokenizer), textTokenizer };
  const rows: SftRow[] = [];
  for (const [index, recorded] of cases.entries()) {
    rows.push(sftRow(tokens, partsOf(recorded)));
    yield* compareCase(tokens, recorded, `case ${index}`);
  }
  if (batch === undefined) return [];
  const padded = leftPadded(rows);
  for (const [quantity, got, want] of [
    ["batch ids", padded.ids, batch.input_ids],
    ["batch attention mask", padded.attentionMask, batch.attention_mask],
    ["batch labels", padded.labels, batch.labels],
    ["batch positions", padded.positions, batch.position_ids],
  ] as const) {
    if (want.length !== got.length) {
      yield compareEqual(quantity, { got: [got.length], want: [want.length] }, "number of rows");
    }
    for (const [row, values] of want.entries()) {
      yield compareEqual(quantity, { got: got[row] ?? [], want: values }, `row ${row}`);
    }
  }
  return [];
}

function* compareCase(tokens: Tokens, recorded: Case, part: string): Generator<Comparison> {
  const parts = partsOf(recorded);
  const thought = thoughtText(recorded.thought, THOUGHT_KEYS);
  for (const [quantity, row, want] of [
    ["supervised", sftRow(tokens, parts), recorded.sft],
    ["supervised with thought", sftRow(tokens, { ...parts, thought }), recorded.sft_thought],
  ] as const) {
    if (want === undefined) continue;
    yield compareEqual(`${quantity}: ids`, { got: row.ids, want: want.input_ids }, part);
    yield compareEqual(`${quantity}: labels`, { got: row.labels, want: want.labels }, part);
  }
  for (const [writes, want] of [
    ["image", recorded.rl_prompt],
    ["thought", recorded.rl_prompt_thought],
  ] as const) {
    if (want === undefined) continue;
    const got = promptOf(tokens, { ...parts, writes }).ids;
    yield compareEqual(`rollout prompt (${writes})`, { got, want }, part);
  }
}

function partsOf({ source_codes: source, target_codes: target, instruction }: Case): {
  source: CodeGrid;
  target: CodeGrid;
  instruction: string;
} {
  return { source: gridOf(source), target: gridOf(target), instruction };
}

function gridOf(codes: readonly (readonly number[])[]): CodeGrid {
  return { rows: codes.length, columns: codes[0]?.length ?? 0, codes: Int32Array.from(codes.flat()) };
}
