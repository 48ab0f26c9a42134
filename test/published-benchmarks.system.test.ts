/**
 * `earl benchmark` on rows of every published layout, with everything that figures come from: a checkpoint in Emu3's layout
 * with its vocabulary, a judge on loopback, CLIP and DINO from their published files.
 */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import {
  CLIP,
  DINO,
  RECORDED,
  recordedPicture,
  writeRecordedLayouts,
} from "./benchmark-layouts/recorded-layouts.ts";
import { repeated, writeParquet } from "../src/evaluate/benchmarks/small-benchmarks.contract.ts";
import { says, type Behaviour } from "./judge-server/behaviour.ts";
import { JudgeServer, type SeenRequest } from "./judge-server/judge-server.ts";
import { paintedVerdict } from "./judge-server/painted-verdicts.ts";
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

/** Scores by brightness, and says of a picture whether it is bright: what it says follows from what it is shown. */
async function lookingJudge(request: SeenRequest): Promise<Behaviour> {
  if (request.pictures.length === 0) {
    const [truth, answer] = ["What is true of the picture: ", "What was answered: "].map((label) =>
      request.text
        .split("\n")
        .find((line) => line.startsWith(label))!
        .slice(label.length),
    );
    return says(truth === answer ? "Yes." : "no");
  }
  if (!request.text.startsWith("Is the picture bright or dark?")) return paintedVerdict(request);
  return says((await isBright(request.pictures[0]!)) ? "It is bright." : "It is dark.");
}

async function isBright(file: Uint8Array): Promise<boolean> {
  const { channels } = await sharp(file).stats();
  return channels[0]!.mean >= 128;
}

const Lines = z.array(z.object({ id: z.string(), values: z.record(z.string(), z.number().nullable()) }));

/** What measures said of each row, by its id. */
function measuredIn(place: string): Map<string, Record<string, number | null>> {
  const scores = join(place, "scores");
  const [file] = readdirSync(scores).filter((name) => name.startsWith("measures-"));
  return new Map(Lines.parse(linesOf(join(scores, file!))).map(({ id, values }) => [id, values]));
}

function linesOf(path: string): unknown[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
}

const instruments = (clip = CLIP, dino = DINO): string[] =>
  [`clip=${clip}`, `dino=${dino}`].flatMap((one) => ["--set", `instruments.${one}`]);

const allMeans = (place: string): Record<string, number> => {
  const { benchmarks } = z
    .object({
      benchmarks: z.array(
        z.object({
          arms: z.array(
            z.object({
              tasks: z.array(z.object({ figures: z.record(z.string(), z.object({ mean: z.number() })) })),
            }),
          ),
        }),
      ),
    })
    .parse(JSON.parse(readFileSync(join(place, "results.json"), "utf8")));
  const { figures } = benchmarks[0]!.arms[0]!.tasks[0]!;
  return Object.fromEntries(Object.entries(figures).map(([name, { mean }]) => [name, mean]));
};

type Recorded = Readonly<Record<string, number | null | undefined>>;

describe("the recorded edits, scored as those of another system, have the figures that torch recorded", () => {
  /** Our measure, the recording's name, and how far the two may be apart. */
  const CASES: readonly [
    kind: string,
    idOf: (pair: number) => string,
    recorded: (pair: number) => Recorded,
    figures: readonly (readonly [measure: string, name: string, limit: number])[],
  ][] = [
    [
      "magicbrush",
      (pair) => `${pair}-1`,
      (pair) => ({ ...RECORDED[pair]!.magicbrush, ...RECORDED[pair]!.pixels }),
      [
        ["l1", "l1", 1e-5],
        ["l2", "l2", 1e-5],
        ["psnr", "psnr", 1e-4],
        ["clip_i", "clip_i", 1e-4],
        ["clip_t", "clip_t", 1e-4],
        ["dino", "dino", 1e-4],
      ],
    ],
    [
      "emuedit",
      String,
      (pair) => RECORDED[pair]!.emuedit ?? {},
      [
        ["l1_source", "l1", 1e-5],
        ["clip_dir", "clip_dir", 1e-4],
        ["clip_im", "clip_im", 1e-4],
        ["clip_out", "clip_out", 1e-4],
        ["dino_source", "dino", 1e-4],
      ],
    ],
    [
      "vismin",
      (pair) => `${pair < 3 ? "counting" : "relation"}-${pair}`,
      (pair) => RECORDED[pair]!.magicbrush ?? {},
      [["clip_i", "clip_i", 1e-4]],
    ],
  ];

  test.each(CASES)("%s", async (kind, idOf, recorded, figures) => {
    writeArm(
      kind,
      RECORDED.map((_, pair) => ({ id: idOf(pair), pair })),
    );
    const words = ["--benchmark", `${kind}:${layouts[kind]}`, "--partial", ...instruments()];
    expect(await earl("benchmark", "score", kind, ...words)).toMatchObject({ code: 0 });
    const measured = measuredIn(kind);
    expect(measured.size).toBe(RECORDED.length);
    for (const [measure, name, limit] of figures) {
      const values = RECORDED.flatMap((_, pair) => {
        const want = recorded(pair)[name];
        if (want === undefined || want === null) return [];
        const got = measured.get(idOf(pair))![measure]!;
        expect(Math.abs(got - want), `${measure} of ${pair}`).toBeLessThan(limit);
        return [got];
      });
      expect(values.length, measure).toBeGreaterThan(2);
      if (values.length < RECORDED.length) continue;
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(allMeans(kind)[measure], measure).toBeCloseTo(mean, 9);
    }
  });

  test("i2ebench, whose four ways of measuring have rows of their own", async () => {
    await using server = await JudgeServer.start(lookingJudge);
    const tasks = ["Deblurring", "RegionAccuracy", "StyleAlteration", "Counting"];
    const id = (task: string, pair: number): string => `${task}-${pair}`;
    writeArm(
      "i2ebench",
      tasks.flatMap((task) => RECORDED.map((_, pair) => ({ id: id(task, pair), pair }))),
    );
    const words = ["--benchmark", `i2ebench:${layouts["i2ebench"]}`, "--partial", ...instruments()];
    const asked = ["model=looking", `endpoints.0.url=${server.url}`, "cache.directory=asked"];
    const questions = asked.flatMap((one) => ["--set", `instruments.questions.${one}`]);
    expect(await earl("benchmark", "score", "i2ebench", ...words, ...questions)).toMatchObject({ code: 0 });
    const measured = measuredIn("i2ebench");
    const answers: number[] = [];
    for (const [pair, { i2ebench, style_logit: logit }] of RECORDED.entries()) {
      const of = (task: string): Record<string, number | null> => measured.get(id(task, pair))!;
      if (i2ebench !== undefined) {
        expect(of("Deblurring")["ssim"]).toBeCloseTo(i2ebench["ssim"]!, 5);
        expect(of("RegionAccuracy")["region_ssim"]).toBeCloseTo(i2ebench["region_ssim"]!, 5);
      }
      // A logit is a cosine a hundred times as large, and the score is its share of 35.
      expect(of("StyleAlteration")["style"]! * 35).toBeCloseTo(logit!, 2);
      expect(of("StyleAlteration")["ssim"]).toBeNull();
      // "It is bright." is the right answer to every question.
      answers.push(Number(await isBright(recordedPicture(pair, "edited"))));
      expect(of("Counting")["question"]).toBe(answers[pair]);
    }
    expect(new Set(answers).size).toBe(2);
    // A picture is asked about, an answer is held against the truth: each answer once, however often it is given.
    expect(server.count).toBe(RECORDED.length + new Set(answers).size);
  });
});

/** A folder of edits that some other system made: the recording's edited pictures. */
function writeArm(place: string, edits: readonly { readonly id: string; readonly pair: number }[]): void {
  mkdirSync(place, { recursive: true });
  for (const pair of RECORDED.keys())
    writeFileSync(join(place, `${pair}.png`), recordedPicture(pair, "edited"));
  const lines = edits.map(({ id, pair }) => `${JSON.stringify({ id, edited: `${pair}.png` })}\n`);
  writeFileSync(join(place, "edits.jsonl"), lines.join(""));
}

const COLUMNS = ["omniedit", "emuedit", "aurora", "magicbrush", "vismin", "i2ebench", "gedit-en", "gedit-cn"];

test("all benchmarks in one command: every measure, one table, and nothing is made or asked for twice", async () => {
  await using server = await JudgeServer.start(lookingJudge);
  const endpoints = [{ url: server.url }];
  const settings = {
    benchmarks: COLUMNS.map((kind) => ({ kind, directory: layouts[kind] })),
    reading: { area: 64 },
    instruments: {
      clip: CLIP,
      dino: DINO,
      questions: { model: "looking", endpoints, cache: { directory: "cache" } },
    },
    rewards: [{ kind: "viescore", model: "looking", endpoints, cache: { directory: "cache" } }],
  };
  writeFileSync("all.yaml", JSON.stringify(settings));
  const command = ["benchmark", "all", "--config", "all.yaml", "--checkpoint", "emu3", "--copy", "--partial"];
  const all = [...command, "--out", "tables"];
  const whole = await earl(...all);
  expect([whole.code, whole.err]).toEqual([0, expect.stringContaining("Written to tables") as string]);

  const head = whole.out.split("\n")[2]!;
  expect(head.split(/ {2,}/)).toEqual(["arm", ...COLUMNS.map((name) => `${name} O`), "AVG"]);
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
  expect(whole.out).toContain(`AVG is the plain mean of ${COLUMNS.slice(0, 6).join(", ")}.`);
  // Some rows are not the benchmark.
  expect(whole.out).not.toContain("paper:");

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
});

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
    ...["4.27", "4.93", "—"],
  ]);
  expect(scored.out).toContain("aurora, vismin, unlike the paper: judged by judge, not by gpt-4o-mini; ");
  // Two pictures with one instruction are two edits, each asked about for what was asked and for how it looks.
  expect(server.count).toBe(4);

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
  expect(linesOf("of-original/original/gedit-en/edits.jsonl")).toHaveLength(2);
});
