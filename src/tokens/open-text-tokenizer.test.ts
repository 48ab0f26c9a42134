import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { recordedTokenizer } from "../../test/recorded-tokenizer.ts";
import { CheckpointError } from "../errors.ts";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { openTextTokenizer } from "./open-text-tokenizer.ts";
import { vocabularyOf } from "./special-tokens.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "earl-tokenizer-"));
});
afterEach(() => rm(directory, { recursive: true }));

const write = async (files: ReadonlyMap<string, Uint8Array>): Promise<void> => {
  for (const [name, content] of files) await writeFile(join(directory, name), content);
};

describe("openTextTokenizer", () => {
  test("opens what a small policy saved, and saves it again unchanged", async () => {
    const learned = learnByteLevelBpe(["add a cat", "add a dog"], 10, 3);
    await write(learned.files());
    const opened = await openTextTokenizer(directory);
    expect(opened.encode("add a dog")).toEqual(learned.encode("add a dog"));
    expect(vocabularyOf(opened)).toEqual(vocabularyOf(learned));
    expect([...opened.files().keys()]).toEqual([...learned.files().keys()]);
    for (const [name, content] of learned.files()) {
      expect(Buffer.compare(opened.files().get(name) as Uint8Array, content)).toBe(0);
    }
  });

  test("opens Emu3's published files", async () => {
    await write(recordedTokenizer().files());
    const opened = await openTextTokenizer(directory);
    expect(opened.encodeTemplate("<|image start|>32*32")).toEqual([151852, 51, 50, 42, 51, 50]);
  });

  test("names what is missing", async () => {
    await expect(openTextTokenizer(directory)).rejects.toThrow("neither tokenizer.json nor emu3.tiktoken");
    await writeFile(join(directory, "emu3.tiktoken"), "");
    await expect(openTextTokenizer(directory)).rejects.toThrow("but emu3_vision_tokens.txt is not");
    await expect(openTextTokenizer(join(directory, "absent"))).rejects.toThrow(CheckpointError);
  });
});

describe("vocabularyOf", () => {
  test("names the role that a tokenizer has no token for", async () => {
    const learned = learnByteLevelBpe([], 0, 3);
    const json = Buffer.from(learned.files().get("tokenizer.json") as Uint8Array).toString("utf8");
    await writeFile(join(directory, "tokenizer.json"), json.replace("<|image end|>", "<|other|>"));
    const opened = await openTextTokenizer(directory);
    expect(() => vocabularyOf(opened)).toThrow("has no token <|image end|>");
  });

  test("refuses visual tokens with a hole", async () => {
    const learned = learnByteLevelBpe([], 0, 3);
    const json = Buffer.from(learned.files().get("tokenizer.json") as Uint8Array).toString("utf8");
    await writeFile(join(directory, "tokenizer.json"), json.replace("token 000001|>", "token 000009|>"));
    const opened = await openTextTokenizer(directory);
    expect(() => vocabularyOf(opened)).toThrow("<|visual token 000001|> does not follow");
  });
});
