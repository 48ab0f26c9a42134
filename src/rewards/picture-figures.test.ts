import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { colourVariance, distanceToSource, isUnchanged, varianceRatio } from "./picture-figures.ts";

const of = (...pixels: number[]): Picture => picture(pixels.length / 3, 1, Uint8Array.from(pixels));
const pictures = fc.uint8Array({ minLength: 12, maxLength: 12 }).map((pixels) => picture(2, 2, pixels));

describe("figures of edited pictures", () => {
  const black = of(0, 0, 0, 0, 0, 0);
  const half = of(0, 0, 0, 30, 60, 90);

  test("a picture is unchanged where every pixel is, and only at its size", () => {
    expect(isUnchanged({ source: half, edited: of(0, 0, 0, 30, 60, 90) })).toBe(true);
    expect(isUnchanged({ source: half, edited: of(0, 0, 0, 30, 60, 91) })).toBe(false);
    expect(isUnchanged({ source: black, edited: of(0, 0, 0) })).toBe(false);
  });
  test("the distance to the source is the mean over pixels and channels", () => {
    expect(distanceToSource({ source: black, edited: half })).toBe(30);
    expect(distanceToSource({ source: black, edited: of(0, 0, 0) })).toBeUndefined();
  });
  test("the variance of colours is that within each channel", () => {
    expect(colourVariance(half)).toBeCloseTo((15 ** 2 + 30 ** 2 + 45 ** 2) / 3, 9);
    expect(colourVariance(of(10, 20, 30, 10, 20, 30))).toBe(0);
    expect(varianceRatio({ source: half, edited: black })).toBe(0);
    expect(varianceRatio({ source: black, edited: half })).toBeUndefined();
  });
  test("a copy has distance 0 and a ratio of 1, and no figure is negative", () => {
    fc.assert(
      fc.property(pictures, pictures, (source, edited) => {
        expect(distanceToSource({ source, edited: source })).toBe(0);
        expect([1, undefined]).toContain(varianceRatio({ source, edited: source }));
        expect(distanceToSource({ source, edited })).toBeGreaterThanOrEqual(0);
        expect(colourVariance(edited)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
