/** `earl card agreement` as a person meets it. */

import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import type { PaperAgreement } from "../src/card/paper-agreement.ts";
import { file, useJudgeFolder } from "./judge-server/judge-command.ts";
import { earl, type EarlResult } from "./run-earl.ts";

useJudgeFolder();

const ANSWERS = ["yes", "yes", "no", "no", "yes", "yes"];

function answer(question: string, name: string | undefined, confidence = 1): object {
  return name === undefined
    ? { question, failed: 3, fault: "unreachable: HTTP 500" }
    : { question, class: name, reason: "so", confidence, votes: { [name]: 3 }, failed: 0 };
}

/** Six papers p0…p5, each with the question of pseudocode; p5's was not answered. */
function answers(): string {
  const papers = ANSWERS.map((name, index) => ({
    paper: `p${index}`,
    file: `p${index}.txt`,
    sha256: "0",
    characters: 9,
    parts: 1,
    answers: [answer("pseudocode", index === 5 ? undefined : name, index === 0 ? 2 / 3 : 1)],
  }));
  return written("answers.json", { model: "m", temperature: 1, repeats: 3, prompts: "0", papers });
}

function written(name: string, content: unknown): string {
  writeFileSync(file(name), typeof content === "string" ? content : JSON.stringify(content));
  return file(name);
}

async function agreement(labels: string, ...more: string[]): Promise<EarlResult> {
  return earl("card", "agreement", answers(), labels, ...more);
}

const LONG =
  "paper,question,class\np0,pseudocode,No\np1.pdf,Pseudocode,yes\np2,pseudocode, no \np3,pseudocode,yes\np4,pseudocode,yes\np5,pseudocode,yes\nother,pseudocode,no\n";

describe("earl card agreement", () => {
  test("says accuracy, kappa and confusion, and counts what was not answered apart", async () => {
    const { code, out } = await agreement(written("labels.csv", LONG), "--json");
    expect(code).toBe(0);
    const { questions, all, byConfidence, withoutAnswer } = JSON.parse(out) as PaperAgreement;
    // Labels no yes no yes yes, answers yes yes no no yes: p = 3/5, e = (9 + 4) / 25.
    expect(questions[2]).toMatchObject({
      question: "pseudocode",
      papers: 5,
      unanswered: 1,
      confusion: [
        [2, 1],
        [1, 1],
      ],
      accuracy: { mean: 0.6 },
    });
    expect(questions[2]?.kappa?.mean).toBeCloseTo((3 / 5 - 13 / 25) / (12 / 25), 12);
    // Wilson, 3 of 5.
    expect(questions[2]?.accuracy?.low).toBeCloseTo(0.2307, 4);
    expect(all).toMatchObject({ pairs: 5, papers: 5, unanswered: 1, accuracy: { mean: 0.6 } });
    expect(byConfidence).toMatchObject({
      unanimous: { pairs: 4, accuracy: { mean: 0.75 } },
      divided: { pairs: 1 },
    });
    expect(withoutAnswer).toEqual(["other"]);
  });

  test("prints tables, and reads wide labels, other formats and other people's lists alike", async () => {
    const wide = "Paper,Pseudocode,open code\np0,no,\np1,yes,yes\np2,no,\np3,yes,\np4,yes,\np5,yes,\n";
    const lines = ["0", "1", "2", "3", "4"].map((n, index) =>
      JSON.stringify({ paper: `p${n}`, question: "pseudocode", class: index % 2 === 0 ? "no" : "yes" }),
    );
    const first = await agreement(written("labels.csv", LONG));
    expect(first.out).toMatch(/Pseudocode +5 +0\.600 +0\.231 to 0\.882 +0\.167/);
    expect(first.out).toMatch(/Pseudocode: label ↓ answer → +yes +no\n─.*\nyes +2 +1\nno +1 +1\n/);
    expect(first.out).toContain("Labelled and not answered: 1 papers (other).");
    expect((await agreement(written("wide.csv", wide))).out).toMatch(/Pseudocode +5 +0\.600 .* 0\.167/);
    expect((await agreement(written("labels.jsonl", lines.join("\n")))).code).toBe(0);
    expect((await agreement(answers())).out).toMatch(/Pseudocode +5 +1\.000 .* 1\.000/);
  });

  test.each([
    ["an unknown class", "paper,question,class\np0,pseudocode,perhaps\n", /row 1: "perhaps" is no class/],
    ["an unknown question", "paper,question,class\np0,colour,yes\n", /row 1: there is no question "colour"/],
    ["a label given twice", `${LONG}p0,pseudocode,no\n`, /row 8: pseudocode of p0 stands there twice/],
    ["other columns", "name,value\np0,yes\n", /has the columns name, value/],
    ["no paper in common", "paper,pseudocode\nq,yes\n", /6 have answers alone, such as "p0", and 1 labels/],
    ["nothing", "paper,pseudocode\n", /holds no class of any paper/],
  ])("refuses labels with %s", async (_, text, message) => {
    const { code, err } = await agreement(written("labels.csv", text));
    expect([code, err]).toEqual([2, expect.stringMatching(message) as string]);
  });

  test("refuses answers that are none", async () => {
    const labels = written("labels.csv", LONG);
    for (const path of [written("odd.json", { papers: 3 }), file("missing.json"), written("bad.json", "{")]) {
      const { code, err } = await earl("card", "agreement", path, labels);
      expect([code, err]).toEqual([2, expect.stringContaining("earl card classify") as string]);
    }
  });
});
