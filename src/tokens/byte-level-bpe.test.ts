import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { questionIds } from "./sequence.ts";
import { CONTROL_TOKENS, visualToken, vocabularyOf } from "./special-tokens.ts";
import { readTokenizerJson } from "./tokenizer-json.ts";

const texts = ["remove the red circle", "recolour the red square", "add a red circle", "remove the circle"];
const text = fc.string({ unit: "binary", maxLength: 40 });
const forms = [...Object.values(CONTROL_TOKENS), visualToken(0), visualToken(6)];

describe("learnByteLevelBpe", () => {
  test("keeps plain bytes where no merge is asked for", () => {
    const tokenizer = learnByteLevelBpe(texts, 0, 7);
    expect(tokenizer.encode("red é")).toEqual([114, 101, 100, 32, 0xc3, 0xa9]);
    expect(tokenizer.size).toBe(256 + 8 + 7);
  });

  test("merges the most frequent neighbours first", () => {
    // Space before x: 4 times; x before y: 3; then " x" before y and before z: 2 each, y first in byte order.
    const tokenizer = learnByteLevelBpe(["xy xy xy xz xz"], 2, 0);
    expect(tokenizer.decode([256])).toBe(" x");
    expect(tokenizer.decode([257])).toBe(" xy");
    expect(tokenizer.encode(" xy")).toEqual([257]);
  });

  test("stops where no pair occurs twice", () => {
    expect(learnByteLevelBpe(["abc"], 100, 0).size).toBe(256 + 8);
  });

  test("gives the same tokenizer whatever the order of the texts", () => {
    const once = learnByteLevelBpe(texts, 40, 7).files().get("tokenizer.json");
    const again = learnByteLevelBpe(texts.toReversed(), 40, 7).files().get("tokenizer.json");
    expect(again).toEqual(once);
  });

  test("numbers text first, then control tokens, then codes", () => {
    const vocabulary = vocabularyOf(learnByteLevelBpe(texts, 10, 7));
    const { size, imageTokenOffset, codebookSize, ...roles } = vocabulary;
    expect(Object.values(roles).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 8 }, (_, index) => 266 + index),
    );
    expect(imageTokenOffset).toBe(274);
    expect(codebookSize).toBe(7);
    expect(size).toBe(281);
  });

  test("brings any text back, in Unicode's composed form", () => {
    const tokenizer = learnByteLevelBpe(texts, 40, 7);
    fc.assert(
      fc.property(text, (any) => {
        expect(tokenizer.decode(tokenizer.encode(any))).toBe(any.normalize("NFC"));
      }),
    );
  });

  test("shortens the texts it learned from", () => {
    const tokenizer = learnByteLevelBpe(texts, 40, 7);
    const joined = texts.join(" ");
    expect(tokenizer.encode(joined).length).toBeLessThan(joined.length / 2);
  });

  test("encodes what a person wrote without a control or image token, whatever it spells", () => {
    const tokenizer = learnByteLevelBpe([...texts, ...forms, ...forms], 60, 7);
    const { pad } = vocabularyOf(tokenizer);
    fc.assert(
      fc.property(fc.array(fc.oneof(text, fc.constantFrom(...forms))), (parts) => {
        const written = parts.join("");
        expect(tokenizer.encode(written).every((id) => id < pad)).toBe(true);
        expect(tokenizer.decode(tokenizer.encode(written))).toBe(written.normalize("NFC"));
      }),
    );
  });

  test("reads control and image tokens in a template, and text between them", () => {
    const tokenizer = learnByteLevelBpe(texts, 10, 7);
    const { boi, img, imageTokenOffset } = vocabularyOf(tokenizer);
    const template = `<|image start|>3*2<|image token|>${visualToken(6)}<|visual token 9|`;
    const ids = tokenizer.encodeTemplate(template);
    expect(ids.slice(0, 6)).toEqual([boi, 51, 42, 50, img, imageTokenOffset + 6]);
    expect(tokenizer.decodeTemplate(ids)).toBe(template);
  });
});

describe("instructions of one length", () => {
  const instructions = ["move it", "move it to the other side"];

  test("are filled up with pad to the longest text seen, also after saving and opening", () => {
    const learned = learnByteLevelBpe(instructions, 0, 4, { padsInstructions: true });
    expect(learned.instructionLength).toBe(25);
    const content = learned.files().get("tokenizer.json") as Uint8Array;
    const opened = readTokenizerJson(content, learned.files());
    expect(opened.instructionLength).toBe(25);
    expect(opened.notice).toBeUndefined();

    const vocabulary = vocabularyOf(opened);
    const source = { rows: 1, columns: 1, codes: Int32Array.of(0) };
    const [short, long] = instructions.map((instruction) =>
      questionIds({ vocabulary, textTokenizer: opened }, { source, instruction }),
    );
    expect(short).toHaveLength(long?.length as number);
    expect(short?.slice(-18).every((id) => id === vocabulary.pad)).toBe(true);
  });

  test("are said where a few long ones make every prompt long", () => {
    const noticeFor = (seen: readonly string[]): string | undefined =>
      learnByteLevelBpe(seen, 0, 4, { padsInstructions: true }).notice;
    const usual = Array.from({ length: 199 }, (_, index) => `move it by ${index}`);
    expect(noticeFor([...usual, "x".repeat(1990)])).toMatch(
      /1990 ids of the longest.*at most 14: every prompt/,
    );
    expect(noticeFor(usual)).toBeUndefined();
    expect(noticeFor(["a".repeat(500), "b".repeat(400)])).toBeUndefined();
    expect(noticeFor([])).toBeUndefined();
  });

  test("are taken as they come unless asked for", () => {
    const learned = learnByteLevelBpe(instructions, 0, 4);
    expect(learned.instructionLength).toBeUndefined();
    const opened = readTokenizerJson(learned.files().get("tokenizer.json") as Uint8Array, learned.files());
    expect(opened.instructionLength).toBeUndefined();
    expect(opened.notice).toBeUndefined();
  });
});
