import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { recordedTokenizer } from "../../test/recorded-tokenizer.ts";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import {
  completionOf,
  freshPositions,
  guidedPromptOf,
  imageIds,
  LONGEST_INSTRUCTION,
  LONGEST_THOUGHT,
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

const [first] = cases as [(typeof cases)[number]];

describe("trainingPair", () => {
  test.each(cases)(
    "splits “$instruction” where generation splits it",
    ({ parts, sft, rl_prompt: prompt }) => {
      const pair = trainingPair(tokens, { ...parts, target: parts.source });
      expect([...pair.prompt.ids]).toEqual(prompt);
      const whole = trainingPair(tokens, parts);
      expect([...whole.prompt.ids, ...whole.completion]).toEqual(sft.input_ids);
      expect(whole.prompt.writes).toBe("image");
    },
  );

  test("splits an example with a thought after the prefill of the thought", () => {
    const pair = trainingPair(tokens, { ...first.parts, thought: first.thoughtWords });
    expect([...pair.prompt.ids]).toEqual(first.rl_prompt_thought);
    expect([...pair.prompt.ids, ...pair.completion]).toEqual(first.sft_thought.input_ids);
    expect(pair.prompt.writes).toBe("thought");
  });

  test("gives the prompt the target's grid, whatever the source's is", () => {
    const last = cases.at(-1) as (typeof cases)[number];
    expect(trainingPair(tokens, last.parts).prompt.grid).toEqual({ rows: 3, columns: 4 });
    expect(promptOf(tokens, { ...last.parts, writes: "image" }).grid).toEqual({ rows: 2, columns: 5 });
    const other = promptOf(tokens, { ...last.parts, writes: "image", grid: { rows: 7, columns: 1 } });
    expect(other.grid).toEqual({ rows: 7, columns: 1 });
  });

  test("writes the picture at once where the thought is blank", () => {
    expect(completionOf(tokens, { ...first.parts, thought: " \n" })).toEqual(
      completionOf(tokens, first.parts),
    );
  });
});

describe("what a person wrote", () => {
  test("cannot put a control or image token into a sequence", () => {
    const forms = [...textTokenizer.specialTokens.keys()];
    const text = forms.join("");
    for (const id of textTokenizer.encode(text)) expect(id).toBeLessThan(tokens.vocabulary.pad);
    const question = questionIds(tokens, { source: first.parts.source, instruction: "<|image start|>" });
    const empty = questionIds(tokens, { source: first.parts.source, instruction: "x" });
    expect(question.filter((id) => id >= tokens.vocabulary.pad)).toEqual(
      empty.filter((id) => id >= tokens.vocabulary.pad),
    );
    const thought = "<|image start|><|extra_204|>";
    const completion = [...completionOf(tokens, { ...first.parts, thought })];
    expect(completion.filter((id) => id === tokens.vocabulary.boi)).toHaveLength(1);
    expect(completion.indexOf(tokens.vocabulary.eos)).toBe(completion.length - 1);
  });

  test("is refused where an instruction is blank or too long", () => {
    const { source } = first.parts;
    expect(() => questionIds(tokens, { source, instruction: " \t" })).toThrow("The instruction is empty.");
    const long = "x".repeat(LONGEST_INSTRUCTION + 1);
    expect(() => questionIds(tokens, { source, instruction: long })).toThrow("at most 2000");
    expect(() => questionIds(tokens, { source, instruction: "four", longestInstruction: 3 })).toThrow(
      "has 4 characters",
    );
  });

  test("is cut after 1750 characters of a thought, never within one", () => {
    const thought = `${"🐶".repeat(1750)}tail`;
    const pair = trainingPair(tokens, { ...first.parts, thought });
    expect(textTokenizer.decode([...pair.completion])).toContain(`${"🐶".repeat(1750)}<|end thinking|>`);
  });
});

describe("imageIds", () => {
  test("refuses codes that do not fill the grid or lie outside the codebook", () => {
    const { vocabulary } = tokens;
    const ragged = { rows: 2, columns: 2, codes: Int32Array.of(1, 2, 3) };
    expect(() => imageIds(vocabulary, textTokenizer, ragged)).toThrow("cannot have 3 codes");
    const outside = { rows: 1, columns: 1, codes: Int32Array.of(64) };
    expect(() => imageIds(vocabulary, textTokenizer, outside)).toThrow("outside the codebook of 64");
  });

  test("lays a picture out by a small policy's own ids", () => {
    const small = learnByteLevelBpe([], 0, 4);
    const ids = imageIds(vocabularyOf(small), small, { rows: 2, columns: 1, codes: Int32Array.of(3, 0) });
    expect(small.decodeTemplate(ids)).toBe(
      "<|image start|>2*1<|image token|><|visual token 000003|><|extra_200|>" +
        "<|visual token 000000|><|extra_200|><|extra_201|><|image end|>",
    );
  });
});

describe("guidedPromptOf", () => {
  const source = grid([[3, 1]]);

  test.each(["image", "thought"] as const)(
    "leaves out the instruction before the prefill of %s",
    (writes) => {
      const prompt = guidedPromptOf(tokens, { source, instruction: "add a cat", writes });
      const plain = promptOf(tokens, { source, instruction: "add a cat", writes });
      const [question, words] = [
        questionIds(tokens, { source, instruction: "add a cat" }),
        textTokenizer.encode("add a cat"),
      ];
      const prefill = plain.ids.slice(question.length);
      expect(prompt).toMatchObject(plain);
      expect([...(prompt.idsWithoutInstruction ?? [])]).toEqual([
        ...question.slice(0, -words.length),
        ...prefill,
      ]);
    },
  );

  test("keeps the length where instructions are filled up", () => {
    const padding = learnByteLevelBpe(["add a cat"], 0, 4, { padsInstructions: true });
    const own = { vocabulary: vocabularyOf(padding), textTokenizer: padding };
    const prompt = guidedPromptOf(own, { source, instruction: "cat", writes: "image" });
    expect(prompt.idsWithoutInstruction).toHaveLength(prompt.ids.length);
    expect([...(prompt.idsWithoutInstruction ?? [])].slice(-10, -1)).toEqual(
      Array.from({ length: 9 }, () => own.vocabulary.pad),
    );
  });
});

describe("freshPositions", () => {
  const bytes = learnByteLevelBpe([], 0, 4);
  const plain = { vocabulary: vocabularyOf(bytes), textTokenizer: bytes };

  test.each([
    [1, 1, 4096],
    [8, 8, 4096],
    [32, 40, 8192],
    [90, 90, 32_768],
  ])("has room for the longest edit of %i × %i codes", (rows, columns, positions) => {
    const picture = { rows, columns, codes: new Int32Array(rows * columns) };
    const { prompt, completion } = trainingPair(plain, {
      source: picture,
      target: picture,
      instruction: "i".repeat(LONGEST_INSTRUCTION),
      thought: "t".repeat(LONGEST_THOUGHT),
    });
    expect(prompt.ids.length + completion.length).toBeLessThanOrEqual(positions);
    expect(freshPositions([{ rows: 1, columns: 1 }, picture])).toBe(positions);
  });
});
