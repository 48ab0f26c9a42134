/**
 * `earl benchmark` on rows of every published layout, with everything that figures come from: a checkpoint in Emu3's layout
 * with its vocabulary, a judge on loopback, CLIP and DINO from their published files.
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { recordedPicture, writeArm, writeRecordedLayouts } from "./benchmark-layouts/recorded-layouts.ts";
import { ROW_KINDS, rowSettings } from "./benchmark-layouts/row-settings.ts";
import { repeated, writeParquet } from "../src/evaluate/benchmarks/small-benchmarks.contract.ts";
import { JudgeServer } from "./judge-server/judge-server.ts";
import { lookingJudge } from "./judge-server/looking-judge.ts";
import { earl } from "./run-earl.ts";
import { writeOriginalCheckpoint, writeTransformersCheckpoint } from "./small/emu3-checkpoint.ts";

const before = process.cwd();
let folder: string;
let layouts: Readonly<Record<string, string>>;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "earl-published-"));
  process.chdir(folder);
  layouts = writeRecordedLayouts(join(folder, "published"));
  await writeTransformersCheckpoint("emu3");
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

test("all benchmarks in one command: every measure, one table, and nothing is made or asked for twice", async () => {
  await using server = await JudgeServer.start(lookingJudge);
  writeFileSync("all.yaml", JSON.stringify(rowSettings(folder, server.url)));
  const command = ["benchmark", "all", "--config", "all.yaml", "--checkpoint", "emu3", "--copy", "--partial"];
  const all = [...command, "--out", "tables"];
  const whole = await earl(...all);
  expect([whole.code, whole.err]).toEqual([0, expect.stringContaining("Written to tables") as string]);

  const head = whole.out.split("\n")[2]!;
  expect(head.split(/ {2,}/)).toEqual(["arm", ...ROW_KINDS.map((name) => `${name} O`), "AVG"]);
  const means = (arm: string): number[] => {
    const row = whole.out.split("\n").find((line) => line.startsWith(arm))!;
    return row
      .split(/ {2,}/)
      .slice(1)
      .map((cell) => Number(cell.split(" ")[0]));
  };
  for (const arm of ["emu3", "source-copied"]) {
    const row = means(arm);
    const average = row.slice(0, 6).reduce((sum, mean) => sum + mean, 0) / 6;
    expect(Math.abs(row.at(-1)! - average), arm).toBeLessThan(0.0101);
  }
  // EmuEdit's rows and AURORA's show the same sources, which the judge cannot tell apart.
  expect(means("source-copied")[1]).toBe(means("source-copied")[2]);
  const own = [
    "CLIP-I",
    "L1 to source",
    "CLIPdir",
    "CLIPout",
    "DINO",
    "L2",
    "PSNR",
    "CLIP-T",
    "SSIM",
    "style",
    "questions",
  ];
  for (const label of own) expect(whole.out, label).toMatch(new RegExp(` ${label}( |$)`, "m"));
  expect(whole.out).toContain(`AVG is the plain mean of ${ROW_KINDS.slice(0, 6).join(", ")}.`);
  // Some rows are not the benchmark.
  expect(whole.out).not.toContain("paper:");

  const markdown = readFileSync("tables/results.md", "utf8");
  expect(markdown).toContain("## magicbrush, some edits\n\n| instruction | source | target | emu3 |\n");
  const links = [...markdown.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!);
  // Four rows of six benchmarks, two of GEdit's two; three benchmarks have no targets beside sources.
  expect(links.filter((path) => path.startsWith("emu3/"))).toHaveLength(6 * 4 + 2 * 2);
  expect(links.filter((path) => !existsSync(join("tables", path)))).toEqual([]);

  const asked = server.count;
  const again = await earl(...all);
  expect(again).toMatchObject({ code: 0, out: whole.out });
  expect([server.count, again.err.includes("Edits ")]).toEqual([asked, false]);

  // Without what a kill took away the same edits and tables come out.
  const edits = readFileSync("tables/emu3/i2ebench/edits.jsonl", "utf8");
  writeFileSync("tables/emu3/i2ebench/edits.jsonl", edits.slice(0, edits.length / 2));
  rmSync("tables/emu3/vismin", { recursive: true });
  rmSync("tables/emu3/emuedit/scores", { recursive: true });
  const later = await earl(...all);
  expect(later).toMatchObject({ code: 0, out: whole.out });
  const sorted = (text: string): string[] => text.trimEnd().split("\n").toSorted();
  expect(sorted(readFileSync("tables/emu3/i2ebench/edits.jsonl", "utf8"))).toEqual(sorted(edits));
}, 240_000);

test("edits of another system on whole benchmarks stand beside the paper's rows, in one table", async () => {
  await using server = await JudgeServer.start(lookingJudge);
  const sources = ["magicbrush", "ag", "something", "clevr", "whatsup", "emu", "epic", "kubric"];
  const pictures = (count: number): Uint8Array[] => repeated(count, () => recordedPicture(0, "source"));
  const instruction = (count: number): string[] => repeated(count, () => "make it red");
  writeParquet("whole/aurora/data/test-00000-of-00001.parquet", {
    input: pictures(400),
    instruction: instruction(400),
    source: sources.flatMap((source) => repeated(50, () => source)),
  });
  for (const task of ["counting", "relation"]) {
    writeParquet(`whole/vismin/data/train/${task}-00001.parquet`, {
      id: [0, 1, 2],
      source_image: pictures(3),
      edited_image: pictures(3),
      edit_instruction: instruction(3),
    });
  }
  const ids = ["counting", "relation"].flatMap((task) => [0, 1, 2].map((row) => `${task}-${row}`));
  writeArm(
    "system/vismin",
    ids.map((id) => ({ id, pair: 0 })),
  );
  writeArm(
    "system/aurora",
    repeated(400, (row) => ({ id: String(row), pair: 1 })),
  );
  const named = ["aurora", "vismin"].flatMap((kind) => ["--benchmark", `${kind}:whole/${kind}`]);
  const judge = ["--url", server.url, "--set", "rewards.0.cache.directory=cache"];
  const scored = await earl("benchmark", "score", "Other=system", ...named, ...judge, "--out", "beside");
  expect([scored.code, scored.err]).toEqual([0, expect.stringContaining("400 edits") as string]);
  const lines = scored.out.split("\n");
  expect(lines[2]!.split(/ {2,}/)).toEqual(["arm", "aurora O", "vismin O", "mean of 2"]);
  expect(lines[4]).toMatch(/^Other /);
  expect(lines.find((line) => line.startsWith("paper: EARL"))!.split(/ {2,}/)).toEqual([
    "paper: EARL",
    "4.27",
    "4.93",
    "—",
  ]);
  expect(scored.out).toContain("aurora, vismin, unlike the paper: judged by judge, not by gpt-4o-mini; ");
  // Two pictures with one instruction are two edits, each asked about for what was asked and for how it looks.
  expect(server.count).toBe(4);

  // Of one benchmark that is named, the folder that is called by it.
  const one = await earl("benchmark", "score", "system", ...named.slice(2), ...judge, "--out", "one");
  expect([one.code, one.out]).toEqual([0, expect.stringMatching(/^system +6 /m) as string]);

  writeArm("strange/omniedit", [{ id: "edit", pair: 0 }]);
  const strange = await earl("benchmark", "score", "strange", ...named, ...judge);
  expect([strange.code, strange.err]).toEqual([
    2,
    expect.stringContaining("Edits of several lie in folders of their names: aurora, vismin.") as string,
  ]);
});

test("a checkpoint as BAAI publishes it is told where its vision tokenizer lies", async () => {
  await writeOriginalCheckpoint("original", "vision", 64);
  const command = ["benchmark", `gedit-en:${layouts["gedit-en"]}`, "--partial", "--edits-only"];
  const all = [...command, "--checkpoint", "original", "--out", "of-original"];
  const without = await earl(...all);
  expect([without.code, without.err]).toEqual([
    2,
    expect.stringContaining("--vision-tokenizer DIR") as string,
  ]);
  expect(readdirSync("of-original")).toEqual(["inputs"]);
  expect(await earl(...all, "--vision-tokenizer", "vision")).toMatchObject({ code: 0 });
  const edits = readFileSync("of-original/original/gedit-en/edits.jsonl", "utf8");
  expect(edits.trimEnd().split("\n")).toHaveLength(2);
});
