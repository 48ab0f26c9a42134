import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { BenchmarkSettings, PUBLISHED_KINDS } from "./benchmark-settings.ts";
import { choicesOf } from "./chosen-benchmarks.ts";
import { namedPlace, namedPlaces } from "./named-arms.ts";

const settings = BenchmarkSettings.parse({});

describe("names of benchmarks", () => {
  test("all means every published one, at its home", () => {
    const choices = choicesOf(["all"], settings);
    expect(choices.map(({ kind }) => kind)).toEqual(PUBLISHED_KINDS);
    expect(choices[0]).toMatchObject({
      directory: expect.stringMatching(/^hf:\/\//) as string,
      partial: false,
    });
  });
  test("a kind alone, a kind with its folder, and one that is named twice", () => {
    const folder = choicesOf(["omniedit:/data/a b", "aurora", "aurora"], settings, true);
    expect(folder).toMatchObject([
      { kind: "omniedit", directory: "/data/a b", partial: true },
      { kind: "aurora" },
    ]);
    expect(folder).toHaveLength(2);
  });
  test.each([
    [["omnidit"], 'There is no benchmark "omnidit". Did you mean omniedit?'],
    [["heldout"], "Did you mean held-out?"],
    [["al"], "Did you mean all?"],
    [["omniedit:"], "omniedit: names no folder."],
    [["held-out:x"], "it takes no folder"],
    [["omniedit", "omniedit:x"], "Two benchmarks are called omniedit."],
  ])("refuses %j", (words, message) => {
    expect(() => choicesOf(words, settings)).toThrow(message);
  });
  test("a list of one's own has names of its own", () => {
    const own = BenchmarkSettings.parse({ benchmarks: [{ kind: "omniedit", name: "dev", directory: "x" }] });
    expect(choicesOf(["all"], own)).toMatchObject([{ name: "dev", directory: "x" }]);
    expect(choicesOf(["dev", "aurora"], own).map(({ kind }) => kind)).toEqual(["omniedit", "aurora"]);
  });
});

describe("names of arms", () => {
  test("are those given, or the last folder's", () => {
    expect(namedPlace("RL=runs/rl")).toEqual({ name: "RL", place: "runs/rl" });
    expect(namedPlace("runs/demo/")).toEqual({ name: "demo", place: "runs/demo/" });
    expect(namedPlace("BAAI/Emu3-Stage1").name).toBe("Emu3-Stage1");
  });
  test("a folder that has = in its name is a folder", () => {
    const folder = join(mkdtempSync(join(tmpdir(), "earl-arm-")), "lr=3");
    mkdirSync(folder);
    expect(namedPlace(folder)).toEqual({ name: "lr-3", place: folder });
  });
  test.each([
    [["a=x", "A=y"], "Two arms are called A."],
    [["../up=x"], '"../up" is no name for an arm.'],
    [["inputs=x"], '"inputs" is no name for an arm.'],
    [["a="], "The arm a names no folder."],
  ])("refuses %j", (words, message) => {
    expect(() => namedPlaces(words)).toThrow(message);
  });
});
