import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FIXTURES } from "../../test/perturbed-recording.ts";
import { ClipTokenizer } from "./clip-tokenizer.ts";

const CLIP = join(FIXTURES, "metrics/clip");
const [START, END] = [582, 583];
let tokenizer: ClipTokenizer;
let folder: string;
beforeAll(async () => {
  tokenizer = await ClipTokenizer.open(CLIP);
  folder = mkdtempSync(join(tmpdir(), "earl-clip-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ids = (text: string): number[] => tokenizer.encode(text, 1000);

describe("ClipTokenizer", () => {
  test("reads words whatever their case and the spaces around them", () => {
    expect(ids("  A Red\n\tCUP ")).toEqual(ids("a red cup"));
    expect(ids("a red cup")).toEqual([START, 256, ...ids("red cup").slice(1)]);
  });

  test("gives the tokens before and after to an empty text", () => {
    expect(ids("")).toEqual([START, END]);
    expect(ids(" \n")).toEqual([START, END]);
  });

  test("cuts a long text and ends it", () => {
    const long = "a red cup on a table ".repeat(50);
    expect(tokenizer.encode(long, 24)).toEqual([...ids(long).slice(0, 23), END]);
  });

  test("takes digits one by one, and punctuation and contractions for themselves", () => {
    expect(ids("12")).toEqual([START, ...ids("1").slice(1, -1), ...ids("2").slice(1, -1), END]);
    expect(ids("it's!!")).toEqual([
      START,
      ...["it", "'s", "!!"].flatMap((part) => ids(part).slice(1, -1)),
      END,
    ]);
  });

  test("composes marks, and lowers letters one by one", () => {
    expect(ids("cafe\u0301")).toEqual(ids("caf\u00e9"));
    // As a word JavaScript would end it in another sigma.
    expect(ids("\u03a3\u03a3")).toEqual(ids("\u03c3\u03c3"));
  });

  test("knows its own tokens in a text", () => {
    expect(ids("cat<|endoftext|>cat")).toEqual([
      START,
      ...ids("cat").slice(1, -1),
      END,
      ...ids("cat").slice(1),
    ]);
  });

  test("refuses a tokenizer of another kind, and says what is missing", async () => {
    await expect(ClipTokenizer.open(folder)).rejects.toThrow("tokenizer.json");
    cpSync(join(CLIP, "tokenizer.json"), join(folder, "tokenizer.json"));
    const json = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8")) as { normalizer: unknown };
    json.normalizer = null;
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(json));
    await expect(ClipTokenizer.open(folder)).rejects.toThrow(/is not CLIP's tokenizer: .*normalizer/s);
  });
});
