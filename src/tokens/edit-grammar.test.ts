import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { recordedTokenizer } from "../../test/recorded-tokenizer.ts";
import { DataError } from "../errors.ts";
import { Rng } from "../random.ts";
import { learnByteLevelBpe } from "./byte-level-bpe.ts";
import { constraintsOf, FORCED } from "./constraints.ts";
import { editGrammar } from "./edit-grammar.ts";
import { GrammarFollower } from "./grammar-follower.ts";
import type { Grammar, Segment } from "./grammar.ts";
import { parseImage, parseThought } from "./parse-completion.ts";
import { plainGrammar } from "./plain-grammar.ts";
import type { Prompt } from "./prompt.ts";
import { promptOf, trainingPair } from "./sequence.ts";
import { vocabularyOf } from "./special-tokens.ts";
import type { CodeGrid } from "./vision-tokenizer.ts";

const textTokenizer = learnByteLevelBpe(["move the cat left", "move the dog right"], 20, 6);
const vocabulary = vocabularyOf(textTokenizer);
const tokens = { vocabulary, textTokenizer };
const grammars = [
  editGrammar(vocabulary, textTokenizer),
  editGrammar(vocabulary, textTokenizer, { freeGridText: true }),
];

const grids = fc
  .record({ rows: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 12 }) })
  .chain(({ rows, columns }) =>
    fc
      .array(fc.integer({ min: 0, max: 5 }), { minLength: rows * columns, maxLength: rows * columns })
      .map((codes): CodeGrid => ({ rows, columns, codes: Int32Array.from(codes) })),
  );

const allowed = ({ start, end, banned }: Segment): number[] => {
  const ids = Array.from({ length: end - start }, (_, index) => start + index);
  return ids.filter((id) => !banned.includes(id));
};

/** Draws each free id at random; after enough text, boi or img ends it, as a policy would sooner or later. */
function randomCompletion(grammar: Grammar, prompt: Prompt, rng: Rng): number[] {
  const choices = grammar.segments.map(allowed);
  const state = new GrammarFollower(grammar.segments, grammar.parts(prompt));
  const ids: number[] = [];
  for (;;) {
    const constraint = state.next();
    if (constraint.kind === "end") return ids;
    const free = constraint.kind === "free" ? (choices[constraint.segment] as number[]) : [];
    const ends = free.filter((id) => id === vocabulary.boi || id === vocabulary.img);
    const id =
      constraint.kind === "forced"
        ? constraint.id
        : rng.pick(ends.length > 0 && rng.uniform() < 0.1 ? ends : free);
    state.advance(id);
    ids.push(id);
  }
}

describe("editGrammar", () => {
  test("says ahead what next says place by place, whatever is drawn", () => {
    fc.assert(
      fc.property(grids, fc.integer(), fc.integer({ min: 1, max: 9 }), (source, seed, count) => {
        for (const grammar of grammars) {
          const prompt = promptOf(tokens, { source, instruction: "move the cat left", writes: "image" });
          const completion = randomCompletion(grammar, prompt, Rng.from(seed, "completion"));
          const state = new GrammarFollower(grammar.segments, grammar.parts(prompt));
          const certain: unknown[] = [];
          for (const [place, id] of [...completion, undefined].entries()) {
            const ahead = state.ahead(count);
            expect(ahead.length).toBeGreaterThan(0);
            expect(ahead.length).toBeLessThanOrEqual(count);
            for (const [offset, constraint] of ahead.entries()) certain[place + offset] ??= constraint;
            expect(state.next()).toEqual(certain[place]);
            if (id !== undefined) state.advance(id);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  test("lets nothing through that does not parse to the prompt's grid", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...grammars),
        fc.constantFrom("image" as const, "thought" as const),
        grids,
        fc.nat(),
        (grammar, writes, source, seed) => {
          const grid = { rows: source.columns, columns: source.rows };
          const prompt = promptOf(tokens, { source, instruction: "move", grid, writes });
          const ids = randomCompletion(grammar, prompt, Rng.from(seed));
          expect(parseImage(vocabulary, ids, grid)).toMatchObject({ grid });
          expect(ids.at(-1)).toBe(vocabulary.eos);
          expect(constraintsOf(grammar, prompt, ids)).toHaveLength(ids.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("lets every training pair through, forcing all but codes and thought", () => {
    fc.assert(
      fc.property(
        grids,
        grids,
        fc.option(fc.string({ unit: "binary", minLength: 1 }), { nil: undefined }),
        (source, target, thought) => {
          const pair = trainingPair(tokens, { source, target, instruction: "swap <|image end|>", thought });
          const kinds = constraintsOf(grammars[0] as Grammar, pair.prompt, pair.completion);
          const codes = [...pair.completion].filter((_, at) => kinds[at] === 0);
          expect(codes).toEqual([...target.codes].map((code) => code + vocabulary.imageTokenOffset));
          const words = [...pair.completion].filter((_, at) => kinds[at] === 1);
          expect(words.at(-1)).toBe(pair.prompt.writes === "thought" ? vocabulary.boi : undefined);
          expect(parseImage(vocabulary, pair.completion)).toEqual({ grid: target });
          expect(() => constraintsOf(grammars[1] as Grammar, pair.prompt, pair.completion)).not.toThrow();
        },
      ),
      { numRuns: 60 },
    );
  });

  test("marks each place of a small picture", () => {
    const source = { rows: 1, columns: 2, codes: Int32Array.of(4, 1) };
    const { prompt, completion } = trainingPair(tokens, { source, target: source, instruction: "stay" });
    // "1*2" img, two codes, eol eof eoi eos
    const forced = Array.from({ length: 4 }, () => FORCED);
    expect([...constraintsOf(grammars[0] as Grammar, prompt, completion)]).toEqual([
      ...forced,
      0,
      0,
      ...forced,
    ]);
    expect([...constraintsOf(grammars[1] as Grammar, prompt, completion)]).toEqual([
      2,
      2,
      2,
      2,
      0,
      0,
      ...forced,
    ]);
  });

  test("bans every control token in a thought but the one that ends it", () => {
    const text = (grammars[0] as Grammar).segments[1] as Segment;
    const { pad, bos, eos, eol, eof, img, boi, eoi } = vocabulary;
    expect(text.banned.toSorted((a, b) => a - b)).toEqual(
      [pad, bos, eos, eol, eof, img, eoi].toSorted((a, b) => a - b),
    );
    expect([text.start, text.end]).toEqual([0, vocabulary.imageTokenOffset]);
    expect(allowed(text)).toContain(boi);
  });

  test("bans Emu3's spare tokens too", () => {
    const emu3 = recordedTokenizer();
    const text = editGrammar(vocabularyOf(emu3), emu3).segments[1] as Segment;
    // 3 + 205 extras + img, boi, eoi; all but boi.
    expect(text.banned).toHaveLength(210);
    expect(Math.min(...text.banned)).toBe(151_643);
    expect(text.banned).not.toContain(151_852);
  });

  test("refuses ids that cannot stand where they come", () => {
    const source = { rows: 1, columns: 1, codes: Int32Array.of(0) };
    const [grammar] = grammars as [Grammar, Grammar];
    const image = promptOf(tokens, { source, instruction: "stay", writes: "image" });
    const thought = promptOf(tokens, { source, instruction: "stay", writes: "thought" });
    expect(() => constraintsOf(grammar, image, [vocabulary.boi])).toThrow(DataError);
    expect(() => constraintsOf(grammar, thought, [vocabulary.eos])).toThrow('an id of "text" belongs there');
    const completion = [...trainingPair(tokens, { source, target: source, instruction: "stay" }).completion];
    expect(() => constraintsOf(grammar, image, completion.with(4, 65))).toThrow(
      'an id of "image" belongs there',
    );
    expect(() => constraintsOf(grammar, image, [...completion, 65])).toThrow("after the end");
  });
});

describe("plainGrammar", () => {
  test("lets exactly so many ids of its range through", () => {
    const prompt: Prompt = { ids: Int32Array.of(0), grid: { rows: 1, columns: 1 }, writes: "image" };
    const grammar = plainGrammar(100, { start: 10, end: 20, length: 3 });
    expect(grammar.segments).toEqual([{ name: "all", start: 10, end: 20, banned: [] }]);
    expect([...constraintsOf(grammar, prompt, [10, 19, 12])]).toEqual([0, 0, 0]);
    expect(() => constraintsOf(grammar, prompt, [10, 20])).toThrow('an id of "all" belongs there');
    expect(() => constraintsOf(grammar, prompt, [10, 10, 10, 10])).toThrow("after the end");
    expect(() => plainGrammar(100, { end: 101, length: 1 })).toThrow("no range");
  });
});

describe("parseThought", () => {
  test("brings the thought of a training pair back", () => {
    const source = { rows: 1, columns: 1, codes: Int32Array.of(0) };
    const thought = "cat: [1, 2]; it moves left.";
    const { completion } = trainingPair(tokens, { source, target: source, instruction: "move", thought });
    expect(parseThought(tokens, completion)).toEqual({ thought });
    expect(parseThought(tokens, completion.slice(0, 9))).toEqual({
      problem: "the thought is unfinished: no picture follows it",
    });
    expect(parseThought(tokens, [...textTokenizer.encode(" no end"), vocabulary.boi])).toEqual({
      problem: "the thought does not end with <|end thinking|>",
    });
  });
});
