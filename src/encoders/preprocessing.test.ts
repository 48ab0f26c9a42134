import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { framed, writeNormalized, type Preprocessing } from "./preprocessing.ts";

const rule = (resize: Preprocessing["resize"], crop: number | undefined): Preprocessing => ({
  resize,
  crop,
  scale: 1 / 255,
  mean: [0, 0.5, 0],
  std: [1, 0.5, 2],
});

/** Red counts columns, green rows. */
function grid(width: number, height: number): Picture {
  const pixels = Array.from({ length: width * height }, (_, at) => [at % width, Math.floor(at / width), 0]);
  return picture(width, height, Uint8Array.from(pixels.flat()));
}

/** Where the first pixel comes from. */
const corner = ({ pixels }: Picture): number[] => Array.from(pixels.subarray(0, 2));

describe("framed", () => {
  test("resizes the shorter side and cuts the longer one off, not to the nearest", () => {
    // 10 · 33 / 20 is 16.5, rounded it would be 17.
    const tall = framed(picture(20, 33), rule(10, undefined));
    expect([tall.width, tall.height]).toEqual([10, 16]);
    const wide = framed(picture(33, 20), rule(10, undefined));
    expect([wide.width, wide.height]).toEqual([16, 10]);
  });

  test("leaves a picture alone whose shorter side is right", () => {
    const source = grid(7, 9);
    expect(framed(source, rule(7, undefined))).toBe(source);
  });

  test.each([
    [6, 1],
    // (7 − 4) / 2 is 1.5, and (9 − 4) / 2 is 2.5: both become 2.
    [7, 2],
    [9, 2],
    [5, 0],
  ])("cuts the middle of %d columns, halves to the even side", (width, left) => {
    expect(corner(framed(grid(width, 4), rule(undefined, 4)))).toEqual([left, 0]);
  });

  test("puts black around what is too small, the odd row behind", () => {
    const { pixels, width, height } = framed(picture(1, 4, new Uint8Array(12).fill(9)), rule(undefined, 4));
    expect([width, height]).toEqual([4, 4]);
    expect(Array.from({ length: 4 }, (_, x) => pixels[3 * x])).toEqual([0, 9, 0, 0]);
  });
});

test("writeNormalized gives planes of (scaled − mean) / std", () => {
  const into = new Float32Array(8).fill(-1);
  writeNormalized(picture(2, 1, Uint8Array.of(255, 255, 255, 0, 0, 51)), rule(undefined, undefined), into, 1);
  expect(Array.from(into, (value) => Math.round(value * 1e6) / 1e6)).toEqual([-1, 1, 0, 1, -1, 0.5, 0.1, -1]);
});

test("writeNormalized rounds every step to float32, as torch does", () => {
  const clip: Preprocessing = {
    resize: undefined,
    crop: undefined,
    scale: 1 / 255,
    mean: [0.48145466, 0.4578275, 0.40821073],
    std: [0.26862954, 0.26130258, 0.27577711],
  };
  const into = new Float32Array(3);
  writeNormalized(picture(1, 1, Uint8Array.of(71, 74, 45)), clip, into, 0);
  // (torch.tensor(levels) / 255 - mean) / std; in double precision the last digits would be others.
  expect(Array.from(into)).toEqual([-0.755774199962616, -0.641522228717804, -0.8403167724609375]);
});
