import { describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.ts";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";
import type { BytePairTokenizer } from "./byte-pair-tokenizer.ts";

const CONFIG = "tokenizer_config.json";
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const parse = (content: Uint8Array | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(content ?? []).toString("utf8")) as Record<string, unknown>;

const learned = learnByteLevelBpe(["a red square"], 0, 4, { padsInstructions: true }).files();
const TOKENIZER = learned.get("tokenizer.json") as Uint8Array;
const KEYS = parse(learned.get(CONFIG));

/** As transformers 5.18 leaves it in tokenizer.json after a call with padding="max_length", max_length=512. */
const PADDED = json({
  ...parse(TOKENIZER),
  padding: {
    strategy: { Fixed: 512 },
    direction: "Right",
    pad_to_multiple_of: null,
    pad_id: 256,
    pad_type_id: 0,
    pad_token: "<|endoftext|>",
  },
});

/** What the same version writes beside it, of keys that it does not know, too. */
const SAVED_BY_TRANSFORMERS = {
  backend: "tokenizers",
  bos_token: "<|extra_203|>",
  clean_up_tokenization_spaces: false,
  eos_token: "<|extra_204|>",
  is_local: true,
  local_files_only: false,
  model_max_length: 1e30,
  pad_token: "<|endoftext|>",
  tokenizer_class: "TokenizersBackend",
};

const open = (tokenizer: Uint8Array, config?: unknown): BytePairTokenizer =>
  readTokenizerJson(tokenizer, new Map(config === undefined ? [] : [[CONFIG, json(config)]]));

describe("the length of instructions", () => {
  test("is a key of its own, and the tokenizer pads nothing in transformers", () => {
    expect(KEYS).toMatchObject({ earl_instruction_length: 12 });
    expect(parse(TOKENIZER)["padding"]).toBeNull();
    expect(open(TOKENIZER, KEYS).instructionLength).toBe(12);
  });

  test("survives a padded call and a save of transformers, whose own padding does not count", () => {
    const saved = { ...SAVED_BY_TRANSFORMERS, earl_instruction_length: 12 };
    expect(open(PADDED, saved)).toMatchObject({ instructionLength: 12, notice: undefined });
    const none = { ...SAVED_BY_TRANSFORMERS, earl_instruction_length: null };
    expect(open(PADDED, none)).toMatchObject({ instructionLength: undefined, notice: undefined });
  });

  test.each([
    ["the key", SAVED_BY_TRANSFORMERS],
    ["the file", undefined],
  ])("is missed where %s is lost from a policy of earl's", (_, config) => {
    const opened = open(PADDED, config);
    expect(opened.instructionLength).toBeUndefined();
    expect(opened.notice).toMatch(/does not say how long instructions are filled up/);
  });

  test("is not missed in a tokenizer that earl did not make", () => {
    const foreign = json({
      ...parse(PADDED),
      added_tokens: [{ id: 900, content: "<|endoftext|>" }],
    });
    expect(open(foreign, SAVED_BY_TRANSFORMERS)).toMatchObject({
      instructionLength: undefined,
      notice: undefined,
    });
  });

  test("is read where earl kept it before, from files that nobody saved since", () => {
    const { earl_instruction_length: _, ...former } = KEYS;
    expect(open(PADDED, former)).toMatchObject({ instructionLength: 512, notice: undefined });
    expect(open(TOKENIZER, former)).toMatchObject({ instructionLength: undefined, notice: undefined });
  });

  test.each([0, -3, 2.5, 1e9, "12"])("%j is none", (length) => {
    expect(() => open(TOKENIZER, { ...KEYS, earl_instruction_length: length })).toThrow(CheckpointError);
  });

  test("a config that is no JSON is named", () => {
    const others = new Map([[CONFIG, Buffer.from("{")]]);
    expect(() => readTokenizerJson(TOKENIZER, others)).toThrow(`${CONFIG} is not a JSON object`);
  });
});
