import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { recordedTokenizer } from "../../test/recorded-tokenizer.ts";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import {
  completionOf,
  imageIds,
  LONGEST_INSTRUCTION,
  promptOf,
  questionIds,
  thoughtText,
  trainingPair,
} from "./sequence.ts";
import { leftPadded, sftRow } from "./sft-rows.ts";
import { vocabularyOf } from "./special-tokens.ts";
import type { CodeGrid } from "./vision-tokenizer.ts";

interface Row {
  readonly input_ids: number[];
  readonly labels: number[];
}
interface Recording {
  readonly cases: readonly {
    readonly source_codes: number[][];
    readonly target_codes: number[][];
    readonly instruction: string;
    readonly thought: Record<string, string>;
    readonly sft: Row;
    readonly sft_thought: Row;
    readonly rl_prompt: number[];
    readonly rl_prompt_thought: number[];
  }[];
  readonly sft_batch: Record<"input_ids" | "attention_mask" | "labels" | "position_ids", number[][]>;
}

const recording = JSON.parse(
  readFileSync(new URL("../../test/fixtures/sequences.json", import.meta.url), "utf8"),
) as Recording;
const textTokenizer = recordedTokenizer();
const tokens = { vocabulary: vocabularyOf(textTokenizer), textTokenizer };

const grid = (codes: number[][]): CodeGrid => ({
  rows: codes.length,
  columns: codes[0]?.length ?? 0,
  codes: Int32Array.from(codes.flat()),
});
const cases = recording.cases.map((recorded) => ({
  ...recorded,
  parts: {
    source: grid(recorded.source_codes),
    target: grid(recorded.target_codes),
    instruction: recorded.instruction,
  },
  thoughtWords: thoughtText(recorded.thought, ["conditioning_information", "thinking"]),
}));

describe("sequences as EARL's dataset makes them", () => {
  test.each(cases)("the supervised row of “$instruction” equals the recording", ({ parts, sft }) => {
    const row = sftRow(tokens, parts);
    expect([...row.ids]).toEqual(sft.input_ids);
    expect([...row.labels]).toEqual(sft.labels);
  });

  test.each(cases)("with its thought, too", ({ parts, thoughtWords, sft_thought: recorded }) => {
    const row = sftRow(tokens, { ...parts, thought: thoughtWords });
    expect([...row.ids]).toEqual(recorded.input_ids);
    expect([...row.labels]).toEqual(recorded.labels);
  });

  test.each(cases)("its rollout prompts equal the recording with both prefills", ({ parts, ...recorded }) => {
    expect([...promptOf(tokens, { ...parts, writes: "image" }).ids]).toEqual(recorded.rl_prompt);
    expect([...promptOf(tokens, { ...parts, writes: "thought" }).ids]).toEqual(recorded.rl_prompt_thought);
  });

  test("the batch is padded on the left as recorded", () => {
    const batch = leftPadded(cases.map(({ parts }) => sftRow(tokens, parts)));
    expect(batch.ids.map((row) => [...row])).toEqual(recording.sft_batch.input_ids);
    expect(batch.attentionMask.map((row) => [...row])).toEqual(recording.sft_batch.attention_mask);
    expect(batch.labels.map((row) => [...row])).toEqual(recording.sft_batch.labels);
    expect(batch.positions.map((row) => [...row])).toEqual(recording.sft_batch.position_ids);
  });
});
