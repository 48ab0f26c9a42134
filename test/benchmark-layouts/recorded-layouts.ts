/**
 * The recorded edits of test/fixtures/metrics, laid out as the benchmarks that people measure on are published, so that
 * figures of `earl benchmark` can be held against what torch and transformers made of the same pictures.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { inData, writeParquet, writeText } from "../../src/evaluate/benchmarks/small-benchmarks.contract.ts";
import { BRIGHTNESS } from "../judge-server/looking-judge.ts";
import { MetricsRecording, type RecordedEdit } from "../../src/verify/metrics-recording.ts";

const FIXTURES = join(import.meta.dirname, "..", "fixtures");
const PAIRS = join(FIXTURES, "metrics", "pairs");

export const CLIP = join(FIXTURES, "metrics", "clip");
export const DINO = join(FIXTURES, "metrics", "dino");

export const RECORDED: readonly RecordedEdit[] = MetricsRecording.parse(
  JSON.parse(readFileSync(join(PAIRS, "expected.json"), "utf8")),
).pairs;

export function recordedPicture(pair: number, side: "source" | "target" | "edited" | "mask"): Uint8Array {
  return readFileSync(join(PAIRS, `${pair}-${side}.png`));
}

/** What every task of I2EBench is asked of a recorded edit with. */
const I2EBENCH_ASKED = {
  Deblurring: {},
  RegionAccuracy: { mask: "m.png" },
  StyleAlteration: {},
  Counting: { Evaluation: BRIGHTNESS.question, Answer: BRIGHTNESS.answer },
} as const;

/** Where each kind's files lie, in layouts as published. */
export function writeRecordedLayouts(folder: string): Readonly<Record<string, string>> {
  return {
    omniedit: join(FIXTURES, "datasets", "omniedit"),
    emuedit: emuEdit(folder),
    aurora: aurora(folder),
    magicbrush: magicBrush(folder),
    vismin: visMin(folder),
    i2ebench: i2eBench(folder),
    "gedit-en": join(FIXTURES, "benchmarks", "gedit"),
    "gedit-cn": join(FIXTURES, "benchmarks", "gedit"),
  };
}

const instructions = RECORDED.map((_, pair) => `change picture ${pair}`);
const sources = RECORDED.map((_, pair) => recordedPicture(pair, "source"));
const targets = RECORDED.map((_, pair) => recordedPicture(pair, "target"));

function emuEdit(folder: string): string {
  writeParquet(inData(folder, "emuedit", "test-00000-of-00001.parquet"), {
    instruction: instructions,
    image: sources,
    task: RECORDED.map((_, pair) => (pair % 2 === 0 ? "add" : "global")),
    idx: RECORDED.map((_, pair) => pair),
    input_caption: RECORDED.map((edit) => edit.source_caption),
    output_caption: RECORDED.map((edit) => edit.target_caption),
  });
  return join(folder, "emuedit");
}

function aurora(folder: string): string {
  writeParquet(inData(folder, "aurora", "test-00000-of-00001.parquet"), {
    input: sources,
    instruction: instructions,
    source: RECORDED.map((_, pair) => (pair % 2 === 0 ? "ag" : "whatsup")),
  });
  return join(folder, "aurora");
}

/** The authors' folder, with the captions that EARL's file lacks. */
function magicBrush(folder: string): string {
  const test = join(folder, "magicbrush", "test");
  const turns = RECORDED.map((_, pair) => ({
    input: `${pair}-input.png`,
    mask: `${pair}-mask1.png`,
    output: `${pair}-output1.png`,
    instruction: instructions[pair],
  }));
  writeText(join(test, "edit_turns.json"), JSON.stringify(turns));
  const local = RECORDED.map(
    (edit, pair) => [pair, { [`${pair}-output1.png`]: edit.local_caption }] as const,
  );
  writeText(join(test, "local_descriptions.json"), JSON.stringify(Object.fromEntries(local)));
  for (const [pair, { input, mask, output }] of turns.entries()) {
    const images = join(test, "images", String(pair));
    writeText(join(images, input), sources[pair]!);
    writeText(join(images, output), targets[pair]!);
    writeText(join(images, mask), recordedPicture(pair, "mask"));
  }
  return join(folder, "magicbrush");
}

function visMin(folder: string): string {
  const half = RECORDED.length / 2;
  for (const [task, from] of [
    ["counting", 0],
    ["relation", half],
  ] as const) {
    const take = <Value>(values: readonly Value[]): Value[] => values.slice(from, from + half);
    writeParquet(inData(folder, "vismin", `train/${task}-00001.parquet`), {
      id: take(RECORDED.map((_, pair) => pair)),
      source_image: take(sources),
      edited_image: take(targets),
      edit_instruction: take(instructions).map((words) => `edit_instruction: ${words}`),
    });
  }
  return join(folder, "vismin");
}

/** EARL's file and the authors' EditData beside it: each recorded edit asked about in four ways. */
function i2eBench(folder: string): string {
  const directory = join(folder, "i2ebench");
  const asked = Object.entries(I2EBENCH_ASKED).flatMap(([task, own]) =>
    RECORDED.map((edit, pair) => ({
      task,
      pair,
      ...(task === "StyleAlteration" && { style: edit.target_caption }),
      ...own,
    })),
  );
  const text = (key: "Evaluation" | "Answer" | "style"): string[] =>
    asked.map((row) => (key in row ? String(row[key as keyof typeof row]) : ""));
  writeParquet(join(directory, "i2ebench-dataset.parquet"), {
    task: asked.map(({ task }) => task),
    sample_id: asked.map(({ pair }) => String(pair)),
    instruction: asked.map(({ pair }) => instructions[pair]),
    image: asked.map(({ pair }) => sources[pair]),
    Evaluation: text("Evaluation"),
    Answer: text("Answer"),
    style: text("style"),
  });
  for (const [task, own] of Object.entries(I2EBENCH_ASKED)) {
    const place = join(directory, "EditData", task);
    const list = RECORDED.map((_, pair) => [
      pair,
      {
        image: `${pair}.png`,
        ori_exp: instructions[pair],
        ...own,
        ...("mask" in own && { mask: `m${pair}.png` }),
      },
    ]);
    writeText(join(place, `${task}.json`), JSON.stringify(Object.fromEntries(list)));
    for (const [pair, source] of sources.entries()) {
      writeText(join(place, "input", `${pair}.png`), source);
      if (task === "Deblurring") writeText(join(place, "gt", `${pair}.png`), targets[pair]!);
      if ("mask" in own) writeText(join(place, "mask", `m${pair}.png`), recordedPicture(pair, "mask"));
    }
  }
  return directory;
}

/** A folder of edits that some other system made: the recording's edited pictures. */
export function writeArm(
  place: string,
  edits: readonly { readonly id: string; readonly pair: number }[],
): void {
  mkdirSync(place, { recursive: true });
  for (const pair of RECORDED.keys())
    writeFileSync(join(place, `${pair}.png`), recordedPicture(pair, "edited"));
  const lines = edits.map(({ id, pair }) => `${JSON.stringify({ id, edited: `${pair}.png` })}\n`);
  writeFileSync(join(place, "edits.jsonl"), lines.join(""));
}
