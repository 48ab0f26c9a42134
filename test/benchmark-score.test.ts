/** `earl benchmark score` on edits of other systems, against a judge on loopback. */

import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { picture } from "../src/images/picture.ts";
import { encodePng } from "../src/images/png.ts";
import { fails, scores } from "./judge-server/behaviour.ts";
import { file, useJudgeFolder } from "./judge-server/judge-command.ts";
import { JudgeServer } from "./judge-server/judge-server.ts";
import { earl, type EarlResult } from "./run-earl.ts";

useJudgeFolder();

const Estimate = z.object({ mean: z.number(), count: z.number() });
const Results = z.object({
  benchmarks: z.array(
    z.object({
      benchmark: z.string(),
      isWhole: z.boolean(),
      arms: z.array(
        z.object({
          arm: z.string(),
          tasks: z.array(
            z.object({
              task: z.string(),
              edits: z.number(),
              failed: z.number(),
              pictureless: z.number(),
              figures: z.record(z.string(), Estimate),
            }),
          ),
          differences: z.record(z.string(), Estimate).optional(),
        }),
      ),
    }),
  ),
});

const resultsIn = (folder: string) =>
  Results.parse(JSON.parse(readFileSync(join(folder, "results.json"), "utf8")));

/** A folder of edits with the pictures that it names, each of its own grey. */
function writeEdits(name: string, lines: readonly object[]): string {
  const folder = file(name);
  mkdirSync(join(folder, "out"), { recursive: true });
  for (let level = 0; level < 6; level += 1) {
    const grey = picture(16, 16);
    grey.pixels.fill(40 * level);
    writeFileSync(join(folder, "out", `${level}.png`), encodePng(grey));
  }
  writeFileSync(join(folder, "edits.jsonl"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return folder;
}

const edit = (index: number, own: object = {}) => ({
  id: `row-${index}`,
  source: "out/0.png",
  edited: `out/${1 + (index % 5)}.png`,
  instruction: `make it ${index}`,
  task: index % 2 === 0 ? "light" : "dark",
  ...own,
});

/** With a cache that only this judge has, and a judge that is asked once. */
function score(server: JudgeServer, ...words: string[]): Promise<EarlResult> {
  const part = "rewards.0";
  const settings = [`cache.directory=${file("cache")}`, "retries=0", "reasks=0"];
  const flags = settings.flatMap((setting) => ["--set", `${part}.${setting}`]);
  return earl("benchmark", "score", ...words, "--url", server.url, "--model", "judge", ...flags);
}

describe("earl benchmark score", () => {
  test("scores lines that say themselves what was asked for, with tables by kind of edit", async () => {
    await using server = await JudgeServer.start(({ pictures }) =>
      pictures.length === 2 ? scores(9, 4) : scores(9, 9),
    );
    const folder = writeEdits(
      "other system",
      Array.from({ length: 4 }, (_, index) => edit(index)),
    );
    const { code, out, err } = await score(server, folder);
    expect([code, err]).toEqual([0, expect.stringContaining("results.md") as string]);
    expect(out).toContain("Judge: viescore by judge.");
    const [benchmark] = resultsIn(folder).benchmarks;
    expect(benchmark?.isWhole).toBe(false);
    const [all, dark] = benchmark!.arms[0]!.tasks;
    expect(all).toMatchObject({
      edits: 4,
      failed: 0,
      figures: { reward: { mean: 6 }, sc: { mean: 4 }, overedit: { mean: 4 } },
    });
    expect(dark).toMatchObject({ task: "dark", edits: 2 });
    for (const name of ["results.md", "results.csv", "results.tex"])
      expect(existsSync(join(folder, name))).toBe(true);
  });

  test("a failed verdict is counted and no zero; the same command asks about it alone, another judge about all", async () => {
    let isDown = true;
    await using server = await JudgeServer.start(({ text }) =>
      isDown && text.includes("make it 2") ? fails(500, "no memory") : scores(5, 5),
    );
    const folder = writeEdits(
      "arm",
      Array.from({ length: 4 }, (_, index) => edit(index)),
    );
    const first = await score(server, folder);
    expect(first.code).toBe(2);
    expect(first.err).toContain("the judge gave no score for 1 of 4 edits. First: unreachable: SC: HTTP 500");
    expect(resultsIn(folder).benchmarks[0]!.arms[0]!.tasks[0]).toMatchObject({
      failed: 1,
      figures: { reward: { mean: 5, count: 3 } },
    });
    isDown = false;
    const before = server.count;
    expect((await score(server, folder)).code).toBe(0);
    expect(server.count - before).toBe(1);
    expect((await score(server, folder)).code).toBe(0);
    expect(server.count - before).toBe(1);
    expect((await score(server, folder, "--set", "rewards.0.temperature=0.5")).code).toBe(0);
    expect(server.count - before).toBe(9);
  });

  test("an edit whose picture changed is judged anew, behind a line that a kill cut short", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    const folder = writeEdits("arm", [edit(0), edit(1)]);
    expect((await score(server, folder)).code).toBe(0);
    const before = server.count;
    const lighter = picture(16, 16);
    lighter.pixels.fill(250);
    writeFileSync(join(folder, "out", "1.png"), encodePng(lighter));
    const [verdicts] = readdirSync(join(folder, "scores")).filter((name) => name.startsWith("verdicts"));
    appendFileSync(join(folder, "scores", verdicts!), '{"id":"row-1","se');
    expect((await score(server, folder)).code).toBe(0);
    expect(server.count - before).toBe(2);
  });

  test("pictures that are not there, and lines that say why there is none, are counted apart", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    const lines = [
      edit(0),
      edit(1, { edited: "out/gone.png" }),
      edit(2, { edited: null, problem: "ended too soon" }),
    ];
    const folder = writeEdits("arm", lines);
    expect((await score(server, folder)).code).toBe(0);
    expect(resultsIn(folder).benchmarks[0]!.arms[0]!.tasks[0]).toMatchObject({
      edits: 3,
      failed: 0,
      pictureless: 2,
    });
  });

  test("arms of two folders are compared row by row", async () => {
    await using server = await JudgeServer.start(({ pictures }) =>
      pictures.length === 2 ? scores(4, 4) : scores(4, 4),
    );
    const lines = Array.from({ length: 3 }, (_, index) => edit(index));
    const [ours, theirs] = [writeEdits("ours", lines), writeEdits("theirs", lines)];
    const { code, out } = await score(server, `A=${ours}`, `B=${theirs}`, "--out", file("tables"));
    expect([code, out]).toEqual([0, expect.stringContaining("A minus the others") as string]);
    const [, second] = resultsIn(file("tables")).benchmarks[0]!.arms;
    expect(second).toMatchObject({ arm: "B", differences: { reward: { mean: 0, count: 3 } } });
  });

  test.each<[string, object[], string]>([
    ["no instruction", [edit(0, { instruction: undefined })], 'The edit "row-0" has no instruction.'],
    ["a row that is there twice", [edit(0), edit(0)], 'two edits of "row-0", seed 0, sample 0'],
    ["no edits", [], "edits.jsonl has no edits."],
    ["a seed that is none", [edit(0, { seed: "x" })], "edits.jsonl:1: seed:"],
  ])("refuses %s", async (_, lines, message) => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    const { code, err } = await score(server, writeEdits("arm", lines));
    expect([code, err]).toEqual([2, expect.stringContaining(message) as string]);
    expect(server.count).toBe(0);
  });

  test("says what a folder lacks, and what it would write over", async () => {
    await using server = await JudgeServer.start(() => scores(5, 5));
    expect((await score(server, "not there")).err).toContain("not there is not there.");
    expect((await score(server, join(import.meta.dirname, "fixtures/datasets/omniedit"))).err).toContain(
      "There is no edits.jsonl in",
    );
    const folder = writeEdits("arm", [edit(0)]);
    writeFileSync(join(folder, "results.md"), "mine");
    expect((await score(server, folder)).err).toContain("results.md was not written by earl.");
    rmSync(join(folder, "results.md"));
    const none = await earl("benchmark", "score", folder);
    expect([none.code, none.err]).toEqual([
      2,
      expect.stringContaining("can only be scored by a judge") as string,
    ]);
  });
});

describe("earl benchmark score --benchmark, on rows of a published layout", () => {
  const omniedit = ["--benchmark", `omniedit:${join(import.meta.dirname, "fixtures/datasets/omniedit")}`];

  test("finds the rows that edits belong to by their ids, and refuses those of others", async () => {
    await using server = await JudgeServer.start(() => scores(6, 6));
    const strange = writeEdits("arm", [edit(0)]);
    const whole = await score(server, strange, ...omniedit);
    expect([whole.code, whole.err]).toEqual([
      2,
      expect.stringMatching(/has \d+ rows, OmniEdit dev.* has 700/) as string,
    ]);
    const refused = await score(server, strange, ...omniedit, "--partial");
    expect([refused.code, refused.err]).toEqual([
      2,
      expect.stringContaining('belong to no row of omniedit, "row-0" first') as string,
    ]);

    const rows = readFileSync(join(strange, "inputs/omniedit/items.jsonl"), "utf8").trimEnd().split("\n");
    const ids = rows.map((row) => z.object({ id: z.string() }).parse(JSON.parse(row)).id);
    const folder = writeEdits(
      "own",
      ids.slice(1).map((id) => ({ id, edited: "out/3.png" })),
    );
    const { code } = await score(server, folder, ...omniedit, "--partial");
    expect(code).toBe(0);
    const [benchmark] = resultsIn(folder).benchmarks;
    expect(benchmark).toMatchObject({ benchmark: "omniedit", isWhole: false });
    expect(benchmark!.arms[0]!.tasks[0]).toMatchObject({
      edits: ids.length,
      pictureless: 1,
      figures: { reward: { mean: 6 } },
    });
  });
});
