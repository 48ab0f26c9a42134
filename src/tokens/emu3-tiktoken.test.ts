import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { recordedRanks, recordedTokenizer, recordedVisionTokens } from "../../test/recorded-tokenizer.ts";
import { CheckpointError } from "../errors.ts";
import { readEmu3Tiktoken } from "./emu3-tiktoken.ts";
import { vocabularyOf } from "./special-tokens.ts";
import { EMU3_VOCABULARY } from "./vocabulary.ts";

interface Recording {
  readonly special_ids: Record<string, number>;
  readonly vocab_size: number;
  readonly cases: readonly { readonly text: string; readonly ids: number[]; readonly decoded: string }[];
}

const recording = JSON.parse(
  readFileSync(new URL("../../test/fixtures/text-tokenizer/expected.json", import.meta.url), "utf8"),
) as Recording;
const tokenizer = recordedTokenizer();
const special = Object.keys(recording.special_ids).filter((form) => !form.startsWith("<|im_"));

describe("readEmu3Tiktoken", () => {
  test("reads the very file that the recording was made with", () => {
    const hash = createHash("sha256").update(recordedRanks()).digest("hex");
    expect(hash).toBe("433350f01048253f21728dc789778ed01aed59e26bb7e37630850f5550ea685f");
  });

  test.each(recording.cases)("encodes and decodes $text as recorded", ({ text, ids, decoded }) => {
    expect(tokenizer.encodeTemplate(text)).toEqual(ids);
    expect(tokenizer.decodeTemplate(ids)).toBe(decoded);
  });

  test("encodes what a person wrote as recorded wherever no control token is spelled", () => {
    const plain = recording.cases.filter(({ text }) => !special.some((form) => text.includes(form)));
    expect(plain.length).toBeGreaterThan(10);
    for (const { text, ids, decoded } of plain) {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
    }
  });

  test("gives the special tokens their published ids", () => {
    for (const [form, id] of Object.entries(recording.special_ids)) {
      expect(tokenizer.specialTokens.get(form)).toBe(id);
    }
    expect(tokenizer.size).toBe(recording.vocab_size);
    expect(vocabularyOf(tokenizer)).toEqual({
      ...EMU3_VOCABULARY,
      size: recording.vocab_size,
      codebookSize: 64,
    });
  });

  test("brings any text back, in Unicode's composed form", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text.normalize("NFC"));
      }),
    );
  });

  test("drops control and image tokens when decoding, and shows them in a template", () => {
    const ids = tokenizer.encodeTemplate("a<|image start|>1*1<|visual token 000007|>b");
    expect(tokenizer.decode(ids)).toBe("a1*1b");
    expect(tokenizer.decodeTemplate(ids)).toBe("a<|image start|>1*1<|visual token 000007|>b");
  });

  test("gives its own files back", () => {
    const files = tokenizer.files();
    expect(files.get("emu3.tiktoken")?.length).toBe(recordedRanks().length);
    expect(files.get("emu3_vision_tokens.txt")).toEqual(recordedVisionTokens());
  });

  test("names the line that is not a token and a rank", () => {
    const broken = Buffer.from("AA== 0\nAQ== one\n");
    expect(() => readEmu3Tiktoken(broken, recordedVisionTokens())).toThrow("emu3.tiktoken, line 2");
  });

  const lines = recordedRanks().toString("latin1").trimEnd().split("\n");
  const ranksOf = (changed: readonly string[]): Buffer => Buffer.from(`${changed.join("\n")}\n`);

  test.each<[string, Buffer, string]>([
    ["was cut at a line", ranksOf(lines.slice(0, 120_000)), "has 120,000 ranks, Emu3's has 151,643"],
    ["was cut in a line's rank", recordedRanks().subarray(0, 2_000_000), "emu3.tiktoken"],
    ["holds the first ranks alone", ranksOf(lines.slice(0, 425)), "has 425 ranks"],
    ["is empty", Buffer.from(""), "has 0 ranks"],
    ["lost a line", ranksOf(lines.toSpliced(1000, 1)), "line 1001: its rank is 1001, not 1000"],
    ["has a line twice", ranksOf(lines.toSpliced(1000, 0, lines[999] as string)), "line 1001: its token"],
    ["has a rank twice", ranksOf(lines.toSpliced(1000, 1, "//9/ 999")), "its rank is 999, not 1000"],
    ["goes on", ranksOf([...lines, "//9/ 151643"]), "has 151,644 ranks"],
  ])("refuses a rank file that %s", (_, ranks, message) => {
    const read = (): unknown => readEmu3Tiktoken(ranks, recordedVisionTokens());
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
  });

  const forms = recordedVisionTokens().toString("utf8").trimEnd().split("\n");
  test.each([
    ["lost a line", forms.slice(1), "<|image token|> is not where Emu3 has it"],
    ["has lines in another order", [forms[1], forms[0], ...forms.slice(2)], "is not where Emu3 has it"],
    ["has a line twice", [...forms, forms.at(-1)], "a token stands there twice"],
    ["is empty", [], "<|image token|> is not where"],
  ])("refuses special tokens whose file %s", (_, changed, message) => {
    const read = (): unknown => readEmu3Tiktoken(recordedRanks(), ranksOf(changed as string[]));
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
  });
});
