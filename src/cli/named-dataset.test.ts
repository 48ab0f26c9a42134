import { describe, expect, test } from "vitest";

import { namedDataset } from "./named-dataset.ts";

describe("a published dataset's name", () => {
  test("is its place on the hub, and its kind", () => {
    expect(namedDataset("magicbrush@validation", "train")).toMatchObject({
      settings: { kind: "magicbrush", directory: "hf://osunlp/MagicBrush" },
      split: "validation",
    });
  });

  test.each([
    ["something", "Something-Something v2 cannot be read where it is published"],
    ["folder", "folder is a kind of dataset, and nobody publishes it"],
    ["nothing", "nothing is no dataset"],
  ])("%s is refused", (name, message) => {
    expect(() => namedDataset(name, "train")).toThrow(message);
  });
});
