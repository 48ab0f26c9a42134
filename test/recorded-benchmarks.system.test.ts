/**
 * `earl benchmark score` on the edits that torch and transformers were recorded on, laid out as published: what the command
 * says of every row is what was recorded, CLIP and DINO from their published files.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import {
  CLIP,
  DINO,
  RECORDED,
  recordedPicture,
  writeArm,
  writeRecordedLayouts,
} from "./benchmark-layouts/recorded-layouts.ts";
import { JudgeServer } from "./judge-server/judge-server.ts";
import { isBright, lookingJudge } from "./judge-server/looking-judge.ts";
import { earl } from "./run-earl.ts";

const before = process.cwd();
let folder: string;
let layouts: Readonly<Record<string, string>>;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "earl-recorded-"));
  process.chdir(folder);
  layouts = writeRecordedLayouts(join(folder, "published"));
});
afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true, force: true });
});

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
      // Recorded where no picture is resized; elsewhere there is nothing to hold it against.
      const { ssim = of("Deblurring")["ssim"], region_ssim: region = of("RegionAccuracy")["region_ssim"] } =
        i2ebench ?? {};
      expect(of("Deblurring")["ssim"]).toBeCloseTo(ssim!, 5);
      expect(of("RegionAccuracy")["region_ssim"]).toBeCloseTo(region!, 5);
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
