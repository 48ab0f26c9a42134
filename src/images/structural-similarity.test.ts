import { describe, expect, test } from "vitest";
import { Rng } from "../random.ts";
import { picture, type Picture } from "./picture.ts";
import { meanAbsoluteError, meanSquaredError, peakSignalToNoise } from "./picture-distance.ts";
import { filledWhereMarked, structuralSimilarity } from "./structural-similarity.ts";

function noise(width: number, height: number, name: string): Picture {
  const rng = Rng.from(1, name);
  return picture(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, () => rng.integer(256)),
  );
}

/** The definition, window by window, in two dimensions. */
function slowSimilarity(one: Picture, other: Picture): number {
  const { width, height } = one;
  const weight = (x: number, y: number): number => Math.exp(-(x * x + y * y) / 4.5);
  let total = 0;
  for (let y = -5; y <= 5; y += 1) for (let x = -5; x <= 5; x += 1) total += weight(x, y);
  const at = ({ pixels }: Picture, x: number, y: number, channel: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : pixels[(y * width + x) * 3 + channel]! / 255;
  let sum = 0;
  for (let index = 0; index < width * height * 3; index += 1) {
    const [channel, x, y] = [index % 3, Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
    for (let dy = -5; dy <= 5; dy += 1) {
      for (let dx = -5; dx <= 5; dx += 1) {
        const w = weight(dx, dy) / total;
        const [p, q] = [at(one, x + dx, y + dy, channel), at(other, x + dx, y + dy, channel)];
        a += w * p;
        b += w * q;
        aa += w * p * p;
        bb += w * q * q;
        ab += w * p * q;
      }
    }
    sum +=
      ((2 * a * b + 1e-4) * (2 * (ab - a * b) + 9e-4)) /
      ((a * a + b * b + 1e-4) * (aa - a * a + bb - b * b + 9e-4));
  }
  return sum / (width * height * 3);
}

describe("structuralSimilarity", () => {
  test("is 1 for equal pictures, symmetric, and less for any other", () => {
    const [one, other] = [noise(20, 13, "a"), noise(20, 13, "b")];
    expect(structuralSimilarity(one, one)).toBeCloseTo(1, 12);
    expect(structuralSimilarity(one, other)).toBeCloseTo(structuralSimilarity(other, one), 12);
    expect(structuralSimilarity(one, other)).toBeLessThan(0.5);
  });

  test("says the same after a larger picture took more memory", () => {
    const small = (): number => structuralSimilarity(noise(9, 14, "a"), noise(9, 14, "b"));
    const before = small();
    structuralSimilarity(noise(1900, 3, "c"), noise(1900, 3, "d"));
    expect(small()).toBe(before);
  });

  test.each([
    [17, 12],
    [4, 23],
    [1, 1],
    [2, 40],
  ])("equals the definition for %d × %d pixels, smaller than the window too", (width, height) => {
    const [one, other] = [noise(width, height, "a"), noise(width, height, "b")];
    expect(structuralSimilarity(one, other)).toBeCloseTo(slowSimilarity(one, other), 11);
  });

  test("refuses pictures of two sizes", () => {
    expect(() => structuralSimilarity(noise(4, 4, "a"), noise(4, 5, "b"))).toThrow("A 4 × 4 picture");
  });
});

test("filledWhereMarked covers what the mask marks, whatever the mask's size", () => {
  const source = picture(4, 2);
  const mask = picture(2, 1, Uint8Array.of(0, 0, 0, 0, 3, 0));
  const { pixels } = filledWhereMarked(source, mask, 200);
  expect(Array.from(pixels)).toEqual(
    [0, 1].flatMap(() => [...Array<number>(6).fill(0), ...Array<number>(6).fill(200)]),
  );
  expect(source.pixels.every((value) => value === 0)).toBe(true);
});

test("distances, by hand", () => {
  const one = picture(1, 2, Uint8Array.of(0, 0, 0, 255, 255, 255));
  const other = picture(1, 2, Uint8Array.of(51, 0, 0, 255, 255, 0));
  expect(meanAbsoluteError(one, other)).toBeCloseTo((0.2 + 1) / 6, 12);
  expect(meanSquaredError(one, other)).toBeCloseTo((0.04 + 1) / 6, 12);
  expect(peakSignalToNoise(one, other)).toBeCloseTo(-10 * Math.log10(1.04 / 6), 12);
  expect(peakSignalToNoise(one, one)).toBe(Infinity);
});
