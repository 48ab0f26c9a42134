import { performance } from "node:perf_hooks";
import { describe, expect, test } from "vitest";
import { KNOWN_PATTERNS, QWEN_PATTERN, compilePattern, preTokens } from "./pre-tokens.ts";

describe("preTokens", () => {
  test("splits words, numbers, punctuation and spaces as Qwen does", () => {
    const pattern = compilePattern(QWEN_PATTERN);
    expect(preTokens("It's 12  red,\n\nblue squares ", pattern)).toEqual([
      "It",
      "'s",
      " ",
      "1",
      "2",
      " ",
      " red",
      ",\n\n",
      "blue",
      " squares",
      " ",
    ]);
  });

  test("takes numbers in threes in Llama 3's pattern", () => {
    const [, , llama] = [...KNOWN_PATTERNS];
    expect(preTokens("12345", compilePattern(llama as string))).toEqual(["123", "45"]);
  });

  // Backtracking shows in texts that nearly match again and again.
  const HOSTILE = ["a", " ", "\n", " \n", "'", "1", ".", "a1", "'s ", " a", "\u0301", "é\n "];

  test.each([...KNOWN_PATTERNS])("%s takes time in proportion to the text", (source) => {
    const pattern = compilePattern(source);
    for (const piece of HOSTILE) {
      const text = piece.repeat(100_000 / piece.length);
      const begun = performance.now();
      expect(preTokens(`${text}!`, pattern).join("")).toBe(`${text}!`);
      // A pattern that is quadratic in 100,000 letters takes 10¹⁰ steps: more than a minute.
      expect(performance.now() - begun).toBeLessThan(5000);
    }
  });
});
