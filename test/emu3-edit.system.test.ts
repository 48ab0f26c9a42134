/** `earl edit` on checkpoints in the layouts that Emu3 is published in, from files to files. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { EngineSettings, openEngineHost } from "../src/engine/open-engine-host.ts";
import { openPolicy } from "../src/experiment/open-policy.ts";
import { decodePicture } from "../src/images/codec.ts";
import { encodePng } from "../src/images/png.ts";
import { picture, type Picture } from "../src/images/picture.ts";
import { EMU3_VOCABULARY } from "../src/tokens/vocabulary.ts";
import { earl } from "./run-earl.ts";
import {
  writeOriginalCheckpoint,
  writeTextTokenizer,
  writeTransformersCheckpoint,
} from "./small/emu3-checkpoint.ts";

const EditFile = z.object({
  instruction: z.string(),
  seed: z.number(),
  grid: z.object({ rows: z.number(), columns: z.number() }),
  picture: z.object({ width: z.number(), height: z.number() }).optional(),
  sampling: z.object({ n: z.number(), topK: z.number(), guidance: z.number() }),
  completions: z.array(
    z.object({
      file: z.string().optional(),
      problem: z.string().optional(),
      tokens: z.array(z.int()),
      logprobs: z.array(z.number()),
    }),
  ),
});

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const editFile = (out: string): z.infer<typeof EditFile> =>
  EditFile.parse(JSON.parse(readFileSync(at(out, "edit.json"), "utf8")));
const pictureOf = (...names: string[]): Promise<Picture> =>
  decodePicture(readFileSync(at(...names)), names.join("/"));
const edit = (checkpoint: string, out: string, ...flags: string[]): ReturnType<typeof earl> =>
  earl("edit", at("source.png"), "add a cat", "--checkpoint", at(checkpoint), "--out", at(out), ...flags);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl-emu3-"));
  const source = picture(
    20,
    12,
    Uint8Array.from({ length: 720 }, (_, index) => (index * 37) % 256),
  );
  writeFileSync(at("source.png"), encodePng(source));
  await writeOriginalCheckpoint(at("original"), at("vision"), 64);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe("earl edit on Emu3's published layout", () => {
  test("writes pictures of the resized source's grid, a sheet and a record of every token", async () => {
    const flags = ["--vision-tokenizer", at("vision"), "-n", "2", "--seed", "5", "--top-k", "2048"];
    const { code, out, err } = await edit("original", "plain", ...flags);
    expect(err).toContain("20 × 12 pixels, read at 10 × 6 as 3 × 5 codes");
    expect(err).toContain("Pictures of 10 × 6 pixels.");
    expect(code).toBe(0);
    const files = ["edit-1.png", "edit-2.png", "contact-sheet.png", "edit.json"];
    expect(out.trimEnd().split("\n")).toEqual(files.map((name) => at("plain", name)));
    expect(await pictureOf("plain", "edit-2.png")).toMatchObject({ width: 10, height: 6 });
    expect(await pictureOf("plain", "contact-sheet.png")).toMatchObject({ width: 3 * 254 + 4, height: 158 });

    const record = editFile("plain");
    expect(record).toMatchObject({
      instruction: "add a cat",
      seed: 5,
      grid: { rows: 3, columns: 5 },
      picture: { width: 10, height: 6 },
      sampling: { n: 2, topK: 2048, guidance: 1 },
    });
    const { img, eol, eof, eoi, eos, imageTokenOffset } = EMU3_VOCABULARY;
    for (const [index, { file, tokens, logprobs }] of record.completions.entries()) {
      expect(file).toBe(`edit-${index + 1}.png`);
      const row = [...Array.from({ length: 5 }, () => "code"), eol];
      const kinds = tokens.map((id) => (id >= imageTokenOffset ? "code" : id));
      // "3*5" is three tokens of text.
      expect(kinds.slice(3)).toEqual([img, ...row, ...row, ...row, eof, eoi, eos]);
      expect(logprobs.map((value) => value < 0)).toEqual(kinds.map((kind) => kind === "code"));
    }
  }, 120_000);

  test("guides by the instruction, at a grid and an area of one's own", async () => {
    const flags = ["--vision-tokenizer", at("vision"), "-n", "1", "--guidance", "3", "--area", "100"];
    const { code, err } = await edit("original", "guided", ...flags, "--grid", "2x3");
    expect(err).toContain("read at 13 × 8 as 4 × 6 codes");
    expect(code).toBe(0);
    expect(editFile("guided")).toMatchObject({ grid: { rows: 2, columns: 3 }, sampling: { guidance: 3 } });
    expect(await pictureOf("guided", "edit-1.png")).toMatchObject({ width: 6, height: 4 });
  }, 120_000);

  test("takes the area of the base's config, but not for a checkpoint that was trained since", async () => {
    const places = { visionTokenizer: at("vision") };
    await using host = await openEngineHost(EngineSettings.parse({}));
    expect((await openPolicy(host, at("original"), places)).imageArea).toBe(64);
    cpSync(at("original"), at("trained"), { recursive: true });
    const reference = { kind: "movq", directory: at("vision") };
    writeFileSync(at("trained", "vision_tokenizer.json"), JSON.stringify(reference));
    expect((await openPolicy(host, at("trained"))).imageArea).toBeUndefined();
  }, 120_000);

  test("records why a thought that never ends gives no picture", async () => {
    const flags = ["--vision-tokenizer", at("vision"), "-n", "1", "--thought", "--temperature", "0"];
    const { code, err } = await edit("original", "thought", ...flags);
    expect(err).toContain("None of the tries gave a picture");
    expect(code).toBe(2);
    const [completion] = editFile("thought").completions;
    expect(completion?.problem).toMatch(/^cut off after \d+ tokens$/);
    expect(completion?.tokens.every((id) => id < EMU3_VOCABULARY.pad)).toBe(true);
  }, 120_000);

  test("names the flags that say where tokenizers lie", async () => {
    const vision = await edit("original", "none");
    expect(vision.err).toContain("has no vision tokenizer");
    expect(vision.err).toContain("--vision-tokenizer DIR");
    const text = await edit("vision", "none");
    expect(text.err).toContain("has no text tokenizer");
    expect(text.err).toContain("--tokenizer DIR");
    expect([vision.code, text.code]).toEqual([2, 2]);
  }, 120_000);
});

describe("earl edit on transformers' layout", () => {
  test("finds both models in one directory, and the text tokenizer in another", async () => {
    await writeTransformersCheckpoint(at("transformers"));
    const own = await edit("transformers", "nested", "-n", "1", "--area", "64");
    expect(own.err).toContain("Pictures of 10 × 6 pixels.");
    writeTextTokenizer(at("words"));
    rmSync(at("transformers", "emu3.tiktoken"));
    const elsewhere = await edit(
      "transformers",
      "again",
      "-n",
      "1",
      "--area",
      "64",
      "--tokenizer",
      at("words"),
    );
    expect([own.code, elsewhere.code]).toEqual([0, 0]);
    expect(readFileSync(at("again", "edit-1.png"))).toEqual(readFileSync(at("nested", "edit-1.png")));
    // The same numbers under other names.
    const original = await edit("original", "same", "-n", "1", "--vision-tokenizer", at("vision"));
    expect(original.code).toBe(0);
    expect(readFileSync(at("same", "edit-1.png"))).toEqual(readFileSync(at("nested", "edit-1.png")));
  }, 120_000);
});
