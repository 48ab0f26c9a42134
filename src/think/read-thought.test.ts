import { describe, expect, test } from "vitest";

import { picture } from "../images/picture.ts";
import { changedRegion } from "./changed-region.ts";
import { readThought, type ThoughtRules } from "./read-thought.ts";
import { thoughtQuestion } from "./thought-question.ts";
import { wordsOf } from "./thought-parts.ts";

const RULES: ThoughtRules = {
  sent: { width: 320, height: 160 },
  size: { width: 32, height: 16 },
  unit: "pixels",
  mostCharacters: 300,
};

const reply = (own: object = {}): string =>
  JSON.stringify({
    describe: "A red cup on a\n table.",
    locate: [{ what: "the cup", box: [20, 40, 100, 120] }],
    change: "The cup becomes blue.",
    result: "A blue cup on a table.",
    ...own,
  });

const wordsIn = (text: string, rules = RULES): unknown => {
  const read = readThought(text, rules);
  return read.kind === "thought" ? wordsOf(read.parts) : read.reason;
};
const WORDS = {
  describe: "A red cup on a table.",
  locate: "the cup [2, 4, 10, 12]",
  change: "The cup becomes blue.",
  result: "A blue cup on a table.",
};

describe("a sound reply", () => {
  test("becomes words, with boxes in pixels of the picture itself", () => {
    expect(wordsIn(reply())).toEqual(WORDS);
  });

  test.each([
    ["in a fence", `Sure!\n\`\`\`json\n${reply()}\n\`\`\``],
    ["after thinking", `<think>{"a box": [1, 2]}</think>${reply()}`],
    ["with more than was asked", reply({ thinking: "…" })],
  ])("may stand %s", (_, text) => expect(wordsIn(text)).toEqual(WORDS));

  test("may count in thousandths", () => {
    const locate = [{ what: "the cup", box: [62, 250, 312, 750] }];
    expect(wordsIn(reply({ locate }), { ...RULES, unit: "thousandths" })).toEqual(WORDS);
  });

  test("may lie a little beyond a side, and is cut off there", () => {
    const locate = [{ what: "all of it", box: [-3, 0, 324, 162] }];
    expect(wordsIn(reply({ locate }))).toMatchObject({ locate: "all of it [0, 0, 32, 16]" });
  });
});

test.each([
  ["no JSON", "I cannot help with that.", "no JSON"],
  ["nothing", " ", "empty reply"],
  ["a part that is missing", reply({ result: undefined }), "result"],
  ["a part that says nothing", reply({ change: " … " }), "change says nothing"],
  ["no region", reply({ locate: [] }), "locate"],
  ["a region without a name", reply({ locate: [{ what: " ", box: [1, 2, 3, 4] }] }), "has no name"],
  ["a box of three", reply({ locate: [{ what: "a", box: [1, 2, 3] }] }), "locate.0.box"],
  [
    "a box outside",
    reply({ locate: [{ what: "a", box: [300, 20, 400, 90] }] }),
    "lies outside of the picture (320 × 160)",
  ],
  ["an empty box", reply({ locate: [{ what: "a", box: [30, 20, 30, 90] }] }), "is empty"],
  ["too many words", reply({ describe: "long ".repeat(80) }), "more than 300"],
  ["a control token", reply({ change: "It goes.<|end thinking|>" }), "control token"],
])("%s is asked for again, with the reason", (_, text, reason) => {
  expect(wordsIn(text)).toContain(reason);
});

test("the question says what was asked as a quotation, in what boxes are counted, and where pictures differ", () => {
  const parts = {
    instruction: 'say "hi"',
    size: { width: 64, height: 32 },
    mostCharacters: 900,
    hasTarget: true,
  };
  const text = thoughtQuestion({ ...parts, unit: "pixels", changed: [1, 2, 3, 4] });
  for (const words of ['say "hi"', "64 wide and 32 high", "within [1, 2, 3, 4]", "at most 900 characters"]) {
    expect(text).toContain(words);
  }
  expect(thoughtQuestion({ ...parts, unit: "thousandths", hasTarget: false })).not.toMatch(/second|64/);
});

test("what differs between two pictures is found, and not where everything or nothing does", () => {
  const [one, other, third] = [picture(64, 32), picture(64, 32), picture(64, 32)];
  for (let y = 8; y < 16; y += 1) other.pixels.fill(200, 3 * (64 * y + 20), 3 * (64 * y + 40));
  third.pixels.fill(255);
  const [left, top, right, bottom] = changedRegion(one, other)!;
  expect(left).toBeGreaterThan(14);
  expect(left).toBeLessThanOrEqual(20);
  expect(right).toBeGreaterThanOrEqual(40);
  expect(right).toBeLessThan(46);
  expect([top, bottom]).toEqual([8, 16]);
  expect(changedRegion(one, one)).toBeUndefined();
  expect(changedRegion(one, third)).toBeUndefined();
});
