import { describe, expect, test } from "vitest";

import { QuotableText } from "./find-quote.ts";

const found = (text: string, quote: string, isMarkdown = false): string => {
  const result = new QuotableText(text, isMarkdown).find(quote);
  return typeof result === "string" ? `refused: ${result}` : result.text;
};

describe("a quote occurs in a text although", () => {
  test.each([
    ["lines are broken elsewhere", "We train on\n  eight   A100\u00A0GPUs.", "We train on eight A100 GPUs."],
    ["a word is cut at a line's end", "Our results are repro-\nducible.", "results are reproducible"],
    ["the hyphen at a line's end is the word's", "a state-of-the-\nart model", "a state-of-the-art model"],
    ["the quote keeps the cut", "Our results are repro-\n  ducible.", "are repro- ducible"],
    ["the quote keeps cut and line", "Our results are repro-\nducible.", "are repro-\nducible"],
    ["a figure's range is cut", "steps 10-\n20 of training", "steps 10-20 of training"],
    ["letters are joined", "an eﬃcient ﬁrst ﬂow", "an efficient first flow"],
    ["letters are joined in the quote", "an efficient first flow", "eﬃcient ﬁrst"],
    ["accents are written apart", "Universite\u0301 de Montre\u0301al", "Université de Montréal"],
    ["quotation marks differ", "the “source” picture’s size", 'the "source" picture\'s size'],
    ["quotation marks are LaTeX's", "the ``source'' picture", "the “source” picture"],
    ["dashes differ", "10–20 epochs — no more", "10-20 epochs - no more"],
    ["dashes are LaTeX's", "pages 10--20 of it---all", "pages 10–20 of it—all"],
    ["soft hyphens and joiners are in it", "repro\u00ADduc\u200Bible work", "reproducible work"],
    ["it is framed", "We use PyTorch 2.1 here.", '"… use PyTorch 2.1 here…"'],
    [
      "control tokens were taken apart",
      "the mark <|im_end|> and </s> end it",
      "mark < |im_end| > and < /s> end",
    ],
  ])("%s", (_, text, quote) => {
    expect(found(text, quote)).not.toContain("refused");
  });

  test("Markdown's marks are left out, or kept", () => {
    const text = "We use **eight** `A100` GPUs with snake_case and _care_.";
    for (const quote of ["We use eight A100 GPUs", "use **eight** `A100` GPUs", "snake_case and care."]) {
      expect(found(text, quote, true)).not.toContain("refused");
    }
    expect(found(text, "We use eight A100 GPUs")).toContain("refused");
    expect(found(text, "with snakecase and", true)).toContain("refused");
  });

  test("what stands in the text is given back, with its line", () => {
    const text = "One.\nTwo has\nrepro-\nducible lines.";
    expect(new QuotableText(text).find("has reproducible lines")).toEqual({
      text: "has\nrepro-\nducible lines",
      start: 9,
      line: 2,
    });
  });
});

describe("a quote is refused where", () => {
  test.each([
    ["a word is another", "We train on eight A100 GPUs.", "We train on four A100 GPUs."],
    ["a figure is another", "a learning rate of 0.0001", "a learning rate of 0.001"],
    ["a capital is another", "We use the it package", "We use the IT package"],
    ["words are left out", "We train on eight fast GPUs.", "We train on eight GPUs."],
    ["words are left out and it says so", "We train on eight fast GPUs.", "We train … eight fast GPUs"],
    ["a hyphen within a line is left out", "we re-sign the whole contract", "we resign the whole contract"],
    ["a word is cut apart in it", "reproducible results here", "repro-ducible results here"],
    ["words are joined in it", "on eight new machines", "oneight new machines"],
    ["it begins within a word", "unpublished source code", "published source code"],
    ["it ends within a word", "the source codebook", "the source code"],
    ["it shows nothing", "We train on eight GPUs.", "on"],
    ["it is empty", "We train on eight GPUs.", " “” … "],
    ["it is longer than the text", "We train.", "We train on eight GPUs."],
    ["a range's dash is lost at a line's end", "steps 10-\n20 of it", "steps 1020 of it"],
  ])("%s", (_, text, quote) => {
    expect(found(text, quote)).toContain("refused");
  });
});

test("a text that repeats itself is searched in linear time", () => {
  const text = new QuotableText(`${"aa-\n".repeat(20_000)}b`);
  expect(text.find("a".repeat(1200) + " b")).toContain("does not occur");
});
