import { describe, expect, test } from "vitest";

import { isSamePicture, meanAbsoluteDifference, meanSquaredDifference, psnr } from "./compare.ts";
import { picture } from "./picture.ts";

const black = picture(2, 1);
const grey = picture(2, 1, Uint8Array.of(51, 51, 51, 51, 51, 51));
const oneRed = picture(2, 1, Uint8Array.of(6, 0, 0, 0, 0, 0));

describe("meanAbsoluteDifference and meanSquaredDifference", () => {
  test("average over pixels and channels, either way round", () => {
    expect(meanAbsoluteDifference(black, grey)).toBe(51);
    expect(meanAbsoluteDifference(oneRed, black)).toBe(1);
    expect(meanSquaredDifference(black, oneRed)).toBe(6);
  });

  test("refuse pictures of different sizes", () => {
    expect(() => meanAbsoluteDifference(black, picture(1, 2))).toThrow("2 × 1");
  });
});

describe("psnr", () => {
  test("is 20·log₁₀(255/51) for a difference of 51 everywhere", () => {
    expect(psnr(black, grey)).toBeCloseTo(13.9794, 4);
  });

  test("is infinite for equal pictures", () => {
    expect(psnr(grey, grey)).toBe(Infinity);
  });
});

describe("isSamePicture", () => {
  test("compares sizes and pixels", () => {
    expect(isSamePicture(black, picture(2, 1))).toBe(true);
    expect(isSamePicture(black, picture(1, 2))).toBe(false);
    expect(isSamePicture(black, oneRed)).toBe(false);
  });
});
