import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError } from "../errors.ts";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { GPT2_PATTERN } from "./pre-tokens.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

const texts = ["remove the red circle", "recolour the red square", "say __proto__ __proto__", "12 21 12 21"];
const learned = learnByteLevelBpe(texts, 40, 5);
const saved = learned.files().get("tokenizer.json") as Uint8Array;

// oxlint-disable-next-line typescript/no-explicit-any
const changed = (change: (json: any) => void): Uint8Array => {
  const json: unknown = JSON.parse(Buffer.from(saved).toString("utf8"));
  change(json);
  return Buffer.from(JSON.stringify(json));
};

describe("readTokenizerJson", () => {
  test("gives the ids of the tokenizer that was saved", () => {
    const read = readTokenizerJson(saved);
    expect(read.size).toBe(learned.size);
    expect(read.specialTokens).toEqual(learned.specialTokens);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", ...texts), (any, text) => {
        const joined = any + text;
        expect(read.encode(joined)).toEqual(learned.encode(joined));
        expect(read.encodeTemplate(`${joined}<|image start|>`)).toEqual(
          learned.encodeTemplate(`${joined}<|image start|>`),
        );
      }),
    );
  });

  test("hands its files on unchanged", () => {
    const config = new Map([["tokenizer_config.json", Buffer.from("{}")]]);
    const files = readTokenizerJson(saved, config).files();
    expect(files.get("tokenizer.json")).toEqual(saved);
    expect(files.get("tokenizer_config.json")).toEqual(Buffer.from("{}"));
  });

  test("reads merges that are written as one string, as older files have them", () => {
    const older = changed((json) => {
      json.model.merges = json.model.merges.map((pair: [string, string]) => pair.join(" "));
    });
    expect(readTokenizerJson(older).encode("remove the red")).toEqual(learned.encode("remove the red"));
  });

  test("takes vocabulary entries that no bytes spell for special tokens", () => {
    const inVocabulary = changed((json) => {
      json.model.vocab["<|visual token 000000|>"] = 900;
      json.added_tokens = json.added_tokens.filter(
        ({ content }: { content: string }) => content !== "<|visual token 000000|>",
      );
    });
    expect(readTokenizerJson(inVocabulary).specialTokens.get("<|visual token 000000|>")).toBe(900);
  });

  test("splits words as GPT-2 does where the file has no pattern of its own", () => {
    const gpt2 = changed((json) => {
      json.pre_tokenizer = { type: "ByteLevel", add_prefix_space: false };
      json.model.merges = [["1", "2"]];
      json.model.vocab["12"] = 800;
    });
    expect(GPT2_PATTERN).toContain("\\p{N}+");
    expect(readTokenizerJson(gpt2).encode("12")).toEqual([800]);
    const qwen = changed((json) => {
      json.model.merges = [["1", "2"]];
      json.model.vocab["12"] = 800;
    });
    expect(readTokenizerJson(qwen).encode("12")).toEqual([49, 50]);
  });

  test.each([
    ["is no JSON", Buffer.from("{"), "not JSON"],
    ["is another kind of model", changed((json) => (json.model.type = "Unigram")), "model.type"],
    ["normalises in another way", changed((json) => (json.normalizer = { type: "Lowercase" })), "normalizer"],
    ["has a merge of one token", changed((json) => (json.model.merges = ["ab"])), 'merge "ab"'],
    ["merges into what has no id", changed((json) => (json.model.merges = [["q", "q"]])), "has no id"],
    ["lacks a byte", changed((json) => delete json.model.vocab["A"]), "byte 65"],
    [
      "has a pattern that takes for ever",
      changed((json) => (json.pre_tokenizer.pretokenizers[0].pattern.Regex = "(?:(?:[a-z]+)+)+$")),
      'a pattern that earl does not know: "(?:(?:[a-z]+)+)+$"',
    ],
    [
      "has a pattern that nearly is Qwen's",
      changed((json) => (json.pre_tokenizer.pretokenizers[0].pattern.Regex += "|(?:a+)+b")),
      "a pattern that earl does not know",
    ],
    ["has an id beyond any vocabulary", changed((json) => (json.model.vocab["A"] = 1e12)), "model.vocab.A"],
    ["gives one id to two tokens", changed((json) => (json.model.vocab["A"] = 66)), "the id 66 twice"],
  ])("refuses a file that %s", (_, content, message) => {
    const read = (): unknown => readTokenizerJson(content).encode("qq");
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
  });
});
