import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { yesProbability } from "./checklist.ts";
import { expectedScores } from "./expected-scores.ts";
import { parseScores } from "./parse-scores.ts";
import type { TokenChoice } from "./read-chat-reply.ts";

/** A token and what else could stand there, by probability. */
function choice(token: string, others: Readonly<Record<string, number>> = {}): TokenChoice {
  const probability = others[token] ?? 1;
  return {
    token,
    logprob: Math.log(probability),
    alternatives: Object.entries(others).map(([other, share]) => ({
      token: other,
      logprob: Math.log(share),
    })),
  };
}

function expected(tokens: readonly TokenChoice[], text = tokens.map(({ token }) => token).join("")) {
  const parsed = parseScores(text);
  if (parsed.kind !== "scored") throw new Error(parsed.reason);
  return expectedScores(text, parsed.places, tokens)?.map((score) => Number(score.toFixed(9)));
}

const END = [choice(", "), choice("3", { "3": 1 }), choice("]")];

describe("expectedScores", () => {
  test("is the mean of the numbers that could stand there, by their probabilities", () => {
    expect(expected([choice("["), choice("7", { "7": 0.6, "8": 0.3, "6": 0.1 }), ...END])).toEqual([7.2, 3]);
  });
  test("leaves out what is no number, and counts the rest as all there is", () => {
    const seven = choice("7", { "7": 0.4, "8": 0.4, " seven": 0.2 });
    expect(expected([choice("["), seven, ...END])).toEqual([7.5, 3]);
  });
  test("a 10 may be a token of its own", () => {
    expect(expected([choice("["), choice("9", { "9": 0.5, "10": 0.5 }), ...END])).toEqual([9.5, 3]);
    expect(expected([choice("["), choice("9", { "9": 0.5, "10": 0.4, "1": 0.1 }), ...END])).toEqual([8.6, 3]);
  });
  test("a 10 of two tokens has the probability of both", () => {
    const one = choice("1", { "1": 0.8, "9": 0.2 });
    const zero = choice("0", { "0": 0.75, ",": 0.25 });
    // 0.8 · (0.75 · 10 + 0.25 · 1) + 0.2 · 9
    expect(expected([choice("["), one, zero, ...END])).toEqual([8, 3]);
    const comma = choice(", ", { ", ": 0.75, "0": 0.25 });
    expect(expected([choice("["), one, comma, choice("3"), choice("]")])).toEqual([4.4, 3]);
  });
  test("a 1 that was not written is a 10 beside high scores and a 1 beside low ones", () => {
    expect(expected([choice("["), choice("9", { "9": 0.8, "1": 0.2 }), ...END])).toEqual([9.2, 3]);
    expect(expected([choice("["), choice("2", { "2": 0.8, "1": 0.2 }), ...END])).toEqual([1.8, 3]);
  });
  test("a number may share its token with what stands before it", () => {
    expect(expected([choice("[7", { "[7": 0.5, "[8": 0.5 }), ...END])).toEqual([7.5, 3]);
    expect(expected([choice("[7, "), choice(" 3", { " 3": 0.5, "5": 0.5 }), choice("]")])).toEqual([7, 4]);
  });
  test("thoughts that the server took out of the text do not shift the places", () => {
    const tokens = [
      choice("<think>4, 5</think>"),
      choice("["),
      choice("7", { "7": 0.5, "8": 0.5 }),
      ...END,
      choice("<end>"),
    ];
    expect(expected(tokens, "[7, 3]")).toEqual([7.5, 3]);
  });
  test("decimals count as written", () => {
    expect(expected([choice("["), choice("7", { "7": 1 }), choice(".5"), ...END])).toEqual([7.5, 3]);
  });
  test("there is none where the tokens spell another text or are about something else", () => {
    expect(expected([choice("[8, 3]")], "[7, 3]")).toBeUndefined();
    expect(expected([choice("["), choice("7", { "7": 0.1, foo: 0.9 }), ...END])).toBeUndefined();
  });
  test("stays within the numbers that could stand there", () => {
    const weights = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 2, max: 9 }), (raw, written) => {
        const total = raw.reduce((sum, one) => sum + one, 0);
        const others = Object.fromEntries(raw.map((one, value) => [String(value), one / total]));
        const [score] = expected([choice("["), choice(String(written), others), ...END]) ?? [];
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(10);
      }),
    );
  });
});

describe("yesProbability", () => {
  test("is the share of yes among yes and no, however they are written", () => {
    const first = choice("Yes", { Yes: 0.4, " yes": 0.2, No: 0.1, "no.": 0.1, Maybe: 0.2 });
    expect(yesProbability([choice("\n"), choice("**"), first])).toBeCloseTo(0.75, 12);
  });
  test("of one token alone is 0 or 1", () => {
    expect([yesProbability([choice("YES")]), yesProbability([choice("No")])]).toEqual([1, 0]);
  });
  test("there is none where the answer is neither", () => {
    expect(yesProbability([choice("Perhaps", { Perhaps: 0.9, yes: 0.1 })])).toBeUndefined();
    expect(yesProbability([])).toBeUndefined();
  });
});
