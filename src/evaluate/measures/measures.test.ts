/** What measures make of edits; that the figures equal torch's is test/fixtures/metrics' to say (`earl verify`). */

import { describe, expect, test } from "vitest";
import type { PictureTextEncoder } from "../../encoders/encoder.ts";
import { picture, type Picture } from "../../images/picture.ts";
import type { Measure, MeasuredEdit, WrittenEdit } from "../benchmark.ts";
import { measuredEdit } from "../measured-edit.ts";
import { clipDirection } from "./clip-direction.ts";
import { clipI, clipIm } from "./picture-likeness.ts";
import { L1, L1_TO_SOURCE, L2, MSE, PSNR } from "./pixel-distances.ts";
import { questionScore } from "./question-score.ts";
import { regionSimilarity, SSIM } from "./structural-similarities.ts";
import { styleScore } from "./style-score.ts";
import { clipOut, clipT, clipTOracle } from "./text-likeness.ts";

const grey = (level: number, width = 4, height = 4): Picture =>
  picture(width, height, new Uint8Array(width * height * 3).fill(level));

function written(edit: Partial<MeasuredEdit>, edited?: Picture): WrittenEdit {
  return {
    edit: { id: "a", task: "edit", instruction: "Make it red", source: grey(0), ...edit },
    ...(edited !== undefined && { picture: edited }),
    verdict: { kind: "unreachable", reason: "nobody was asked" },
    isExact: false,
  };
}

/** Angles of two dimensions, in degrees: a picture's is its first pixel, a text's is itself. */
const compass: PictureTextEncoder = {
  pictures: async (pictures) => pictures.map(({ pixels }) => direction(pixels[0]!)),
  texts: async (texts) => texts.map((text) => direction(Number(text))),
  logitScale: async () => 70,
};
const direction = (degrees: number): Float32Array =>
  Float32Array.of(3 * Math.cos((degrees * Math.PI) / 180), 3 * Math.sin((degrees * Math.PI) / 180));

describe("measures of pixels", () => {
  test("compare with the target, or with the source where they say so", async () => {
    const edit = written({ target: grey(51) }, grey(102));
    expect(await L1.of(edit)).toBeCloseTo(0.2, 12);
    expect(await L2.of(edit)).toBeCloseTo(0.04, 12);
    expect(await MSE.of(edit)).toBeCloseTo(0.04, 12);
    expect(await PSNR.of(edit)).toBeCloseTo(-10 * Math.log10(0.04), 12);
    expect(await L1_TO_SOURCE.of(edit)).toBeCloseTo(0.4, 12);
  });

  test("resize the edited picture, never the other", async () => {
    const edit = written({ source: grey(0, 9, 5), target: grey(51, 9, 5) }, grey(51, 3, 7));
    expect(await L1.of(edit)).toBe(0);
    expect(await SSIM.of(edit)).toBeCloseTo(1, 12);
    // Equal pictures have no finite ratio, and a mean must stay one.
    expect(await PSNR.of(edit)).toBe(100);
  });

  test("region SSIM sees nothing of what the mask marks", async () => {
    const mask = grey(0, 8, 8);
    mask.pixels.fill(255, 0, 8 * 3);
    const edited = grey(90, 8, 8);
    edited.pixels.fill(7, 0, 8 * 3);
    const of = (with_: Partial<MeasuredEdit>): ReturnType<Measure["of"]> =>
      regionSimilarity().of(written({ source: grey(90, 8, 8), ...with_ }, edited));
    expect(await of({ mask })).toBeCloseTo(1, 12);
    expect(await of({ mask: grey(0, 8, 8) })).toBeLessThan(0.9);
    expect(await of({})).toBeUndefined();
  });
});

describe("measures of vectors", () => {
  const captions = { source: "0", target: "90", local: "60" };

  test("are cosines between the pictures and words that they are named after", async () => {
    const edit = written({ source: grey(10), target: grey(80), captions }, grey(20));
    const cos = (degrees: number): unknown => expect.closeTo(Math.cos((degrees * Math.PI) / 180), 6);
    const taken = [clipI, clipIm, clipOut, clipT, clipTOracle].map(async (measure) =>
      measure(compass).of(edit),
    );
    expect(await Promise.all(taken)).toEqual([60, 10, 70, 40, 20].map(cos));
  });

  test("CLIPdir is the cosine between two changes, and none where nothing changes", async () => {
    const measure = clipDirection(compass);
    // From 0° to 90° is up to the left, from 0° to 90° too.
    expect(await measure.of(written({ captions, source: grey(0) }, grey(90)))).toBeCloseTo(1, 6);
    expect(await measure.of(written({ captions, source: grey(90) }, grey(0)))).toBeCloseTo(-1, 6);
    expect(await measure.of(written({ captions, source: grey(9) }, grey(9)))).toBeUndefined();
    const still = { ...captions, target: "0" };
    expect(await measure.of(written({ captions: still, source: grey(0) }, grey(90)))).toBeUndefined();
  });

  test("the style score is the logit as a share of 35", async () => {
    const edit = written({ expected: { style: "60" } }, grey(0));
    expect(await styleScore(compass).of(edit)).toBeCloseTo((70 * 0.5) / 35, 6);
  });
});

test("what is not there is not measured, and nothing is without a picture", async () => {
  const asker = { isRight: async () => true };
  const all = [L1, PSNR, SSIM, clipI(compass), clipT(compass), clipDirection(compass), styleScore(compass)];
  for (const measure of [...all, questionScore(asker)]) {
    expect(await measure.of(written({}, grey(3)))).toBeUndefined();
    const full = { target: grey(1), captions: { source: "1", target: "2", local: "3" } };
    const expected = { style: "1", question: { text: "Is it red?", answer: "Yes" } };
    expect(await measure.of(written({ ...full, expected }))).toBeUndefined();
  }
});

test("a question whose judge failed is no wrong answer", async () => {
  const expected = { question: { text: "Is it red?", answer: "Yes" } };
  const of = async (isRight: boolean | undefined): Promise<number | undefined> =>
    questionScore({ isRight: async () => isRight }).of(written({ expected }, grey(1)));
  expect([await of(true), await of(false), await of(undefined)]).toEqual([1, 0, undefined]);
});

test("an example without pictures cannot be measured, and is named", async () => {
  const example = { id: "e1", task: "add", instruction: "Add a cup", origin: "test.parquet, row 3" };
  await expect(measuredEdit(example)).rejects.toThrow("test.parquet, row 3 (e1): there is no source picture");
});
