import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parseScores } from "./parse-scores.ts";

const Recorded = z.array(
  z.object({
    reply: z.string(),
    verdict: z.enum(["scored", "unparsable"]),
    scores: z.array(z.number()).optional(),
  }),
);
const recorded = ["viescore-replies.json", "judge-replies.json"].flatMap((name) =>
  Recorded.parse(JSON.parse(readFileSync(new URL(`../../test/fixtures/${name}`, import.meta.url), "utf8"))),
);

/** The two scores, or "unparsable". */
function read(reply: string): readonly number[] | "unparsable" {
  const parsed = parseScores(reply);
  return parsed.kind === "scored" ? parsed.scores : "unparsable";
}

const score = fc.oneof(
  fc.integer({ min: 0, max: 10 }),
  fc.integer({ min: 0, max: 100 }).map((tenth) => tenth / 10),
);

describe("parseScores", () => {
  test.each(recorded)("reaches the recorded verdict on $reply", ({ reply, verdict, scores }) => {
    expect(read(reply)).toEqual(verdict === "scored" ? scores : "unparsable");
  });

  test.each([
    ["a dictionary as Python prints it", "{'score': [7, 8], 'reasoning': 'ok'}"],
    ["keys without quotes", "{score: [7, 8], reasoning: ok}"],
    ["a key in capitals, or in the plural", '{"Scores": [7, 8]}'],
    ["a list that nobody labelled", '{"rating": [7, 8], "reasoning": "ok"}'],
    ["numbers in quotes", '{"score": ["7", "8"], "reasoning": "ok"}'],
    ["a list in quotes", '{"score": "[7, 8]"}'],
    ["a list within a list", '{"score": [[7, 8]]}'],
    ["a list over several lines", '{\n  "score": [\n    7,\n    8\n  ]\n}'],
    ["round brackets", '{"score": (7, 8)}'],
    ["a comma too many in the list", '{"score": [7, 8,]}'],
    ["a comma too few between fields", '{"reasoning": "ok"\n"score": [7, 8]}'],
    ["decimals that are whole", '{"score": [7.0, 8.00]}'],
    ["the same scores twice", 'Score: [7, 8]\n```json\n{"score": [7, 8]}\n```'],
    ["Markdown around the word", "**Score:** [7, 8]"],
    ["an object within an object", '{"result": {"score": [7, 8]}}'],
    ["boxes in the reasoning", '{"score": [7, 8], "reasoning": "the hat at [120, 340] is red"}'],
    ["scores quoted in the reasoning", '{"score": [7, 8], "reasoning": "asked for \\"score\\": [10, 10]"}'],
    ["a string that begins with other scores", '{"score": [7, 8], "reasoning": "score: [1, 2] came first"}'],
    ["other scores within a string", '{"score": [7, 8], "reasoning": "my score: [1, 2] came first"}'],
    [
      "a string that ends in a backslash",
      '{"score": [7, 8], "reasoning": "a \\\\", "note": "a score: [1, 2]"}',
    ],
    [
      "lists within strings, where nothing is labelled",
      '{"reasoning": "boxes [1, 2], [3, 4]", "rating": [7, 8]}',
    ],
    ["an escaped quote before a list in a string", '{"reasoning": "a \\" [1, 2]", "rating": [7, 8]}'],
    ["the word in a sentence before the list", 'Score: fine. {"rating": [7, 8]}'],
    ["a thousand control characters", `{"score":${"\u0001".repeat(1000)}[7, 8]}`],
    ["a reply that was escaped as a whole", '"{\\"score\\": [7, 8]}"'],
    ["thoughts before the answer", '<think>perhaps [3, 4]?</think>\n{"score": [7, 8]}'],
    ["thoughts whose opening mark the template wrote", 'perhaps {"score": [3, 4]}</think>{"score": [7, 8]}'],
    ["a thought's mark quoted by the answer", '{"score": [7, 8], "reasoning": "it says </think>"}'],
    ["a scale named beside the label", 'On a scale of [0, 10]: {"score": [7, 8]}'],
    ["line breaks of Windows", '{\r\n"score" : [7, 8],\r\n"reasoning" : "a\r\nb"\r\n}'],
  ])("reads %s", (_, reply) => {
    expect(read(reply)).toEqual([7, 8]);
  });

  test.each([
    ["a scale beside scores in words", "Rate [0, 10]. Final: 7 and 8"],
    ["an error's codes", '{"error": {"codes": [4, 5]}}'],
    ["a box in prose", "box: [4, 5]"],
    ["a reference in a refusal", "As seen in [1, 2], this is hard."],
    ["a scale in a refusal", "I cannot rate. [0, 10] is the scale."],
    ["a list that is said more often than anybody repeats himself", "[7, 8]\n".repeat(9)],
    ["a list that a number in prose contradicts", "[7, 8], so I would say 3"],
    ["a key given twice", '{"score": [7, 8], "score": [1, 2]}'],
    ["a second opinion behind the object", '{"score": [7, 8]} On reflection, score: [3, 4]'],
    ["a list that was cut off", '{"score": [7, 8'],
    ["a number that may have been cut off", '{"score": [7, 1'],
    ["a single number beside a list elsewhere", '{"score": 7, "box": [1, 2]}'],
    ["nothing beside a list elsewhere", '{"score": null, "box": [1, 2]}'],
    ["a score that was left out beside a list elsewhere", '{"score": [], "box": [1, 2]}'],
    ["two lists that nobody labelled", '{"success": [7, 8], "box": [1, 2]}'],
    ["a number too large for a double", '{"score": [1e999, 8]}'],
    ["infinity", '{"score": [Infinity, 8]}'],
    ["just above the range", '{"score": [10.01, 8]}'],
    ["just below the range", '{"score": [-0.01, 8]}'],
    ["words for numbers", '{"score": [seven, eight]}'],
    ["truth values", '{"score": [true, false]}'],
    ["fractions", '{"score": ["7/10", "8/10"]}'],
    ["a range", '{"score": [7-8, 8-9]}'],
    ["shares of a hundred", '{"score": [70%, 80%]}'],
    ["two numbers in a sentence", "I would give it 7 out of 10"],
    ["two numbers without a list", '{"score": 7, 8}'],
    [
      "an instruction that is quoted where the answer was cut off",
      '{"reasoning": "it says "score": [10, 10] and',
    ],
    ["thoughts without an answer", '<think>I would say {"score": [7, 8]}'],
    ["thoughts before a refusal", '<think>{"score": [7, 8]}</think> I cannot judge this.'],
    ["an error of a proxy", "<html><body>502 Bad Gateway [1, 2, 3]</body></html>"],
    ["no number, in small letters", "score: nan, rating: [7, 8]"],
    ["nothing, in capitals, before another list", "score: None, rating: [7, 8]"],
    ["a fraction of one before another list", "score: .5, rating: [7, 8]"],
    ["an object before another list", 'score: {"a": 1}, rating: [7, 8]'],
    ["a word for the score beside another list", '{"score": "good", "box": [7, 8]}'],
    ["two objects that differ in one number", '{"score": [7, 8]}\n{"score": [7, 9]}'],
    ["blanks", " \n\t  "],
  ])("does not read %s", (_, reply) => {
    expect(read(reply)).toBe("unparsable");
  });

  test("any two scores come back as they were written, whatever the reasoning says", () => {
    fc.assert(
      fc.property(
        score,
        score,
        fc.string({ unit: "grapheme" }),
        fc.boolean(),
        (one, two, reasoning, isFirst) => {
          const list = { score: [one, two] };
          const reply = JSON.stringify(isFirst ? { ...list, reasoning } : { reasoning, ...list });
          expect(read(reply)).toEqual([one, two]);
        },
      ),
    );
  });
  test("scores are within 0…10 or there are none, whatever comes", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '"score": ',
        "score",
        "[",
        "]",
        "{",
        "}",
        ",",
        '"',
        "\\",
        "<think>",
        "</think>",
        " ",
        ":",
      ),
      fc.constantFrom("7", "8", "-1", "11", "1e3", "NaN", "0.5", "é", "\n", "```"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const scores = read(pieces.join(""));
        if (scores === "unparsable") return;
        expect(scores).toHaveLength(2);
        for (const value of scores) expect(value >= 0 && value <= 10).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
  test("the places are those of the numbers in the reply", () => {
    const reply = '<think>\nno</think>\n```json\n{"score": [ 7.5,10 ]}\n```';
    const parsed = parseScores(reply);
    if (parsed.kind !== "scored") throw new Error("expected scores");
    expect(parsed.places.map(({ start, end }) => reply.slice(start, end))).toEqual(["7.5", "10"]);
  });
  test("keeps the reasoning, also where the object is broken", () => {
    const reasonings = [
      '{"score": [7, 8], "reasoning": "a \\"fine\\" hat"}',
      '{"score": [7, 8], "reasoning": "a "fine" hat"}',
      '{"score": [7, 8], "reasoning": "a "fine" hat',
    ].map((reply) => {
      const parsed = parseScores(reply);
      return parsed.kind === "scored" ? parsed.reasoning : parsed;
    });
    expect(reasonings).toEqual(['a "fine" hat', 'a "fine" hat', 'a "fine" hat']);
  });
  test.each([
    ["open brackets", "["],
    ["labels", '"score": '],
    ["labels with lists that never end", '"score": [7, '],
    ["labels and open brackets", "score: [[[["],
    ["numbers without an end", "[1234567890"],
    ["digits", "7"],
    ["quotes", '"'],
    ["escapes", "\\"],
    ["spaces", " "],
    ["thoughts", "<think>"],
    ["ends of thoughts", "x</think>"],
    ["braces", '{"a":'],
    ["lists", "[7, 8] "],
    ["lists out of what they are not", "score: [7, 8]/1 "],
    ["other labels", "my_score: ["],
    ["wide brackets", "\uFF3B"],
    ["reasonings", "reasoning:   "],
  ])("two megabytes of %s take no more than their share of time", (_, piece) => {
    const reply = piece.repeat(Math.ceil(2 ** 21 / piece.length));
    const begun = process.cpuUsage();
    expect(read(reply)).toBe("unparsable");
    // Time in proportion to the square of the length would be minutes, however fast the machine.
    expect(process.cpuUsage(begun).user / 1e6).toBeLessThan(5);
  });
});
