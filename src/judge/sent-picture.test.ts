import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { picture, type Picture } from "../images/picture.ts";
import { fitted, jpegOf } from "./sent-picture.ts";

const LIMITS = { leastSide: 32, mostPixels: 1024 * 1024 };

/** Every pixel different from its neighbours. */
function chequered(width: number, height: number): Picture {
  const result = picture(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    result.pixels.fill((((pixel % width) + Math.floor(pixel / width)) % 2) * 255, 3 * pixel, 3 * pixel + 3);
  }
  return result;
}

describe("fitted", () => {
  test("leaves a picture within the limits alone", () => {
    const source = chequered(64, 48);
    expect(fitted(source, LIMITS)).toBe(source);
  });
  test.each([
    [16, 16, 2],
    [31, 64, 2],
    [8, 24, 4],
    [1, 1, 32],
  ])("enlarges %i × %i by %i, pixel by pixel", (width, height, factor) => {
    const source = chequered(width, height);
    const result = fitted(source, LIMITS);
    expect([result.width, result.height]).toEqual([width * factor, height * factor]);
    for (let y = 0; y < result.height; y += 1) {
      for (let x = 0; x < result.width; x += 1) {
        const from = 3 * (Math.floor(y / factor) * width + Math.floor(x / factor));
        expect(result.pixels[3 * (y * result.width + x)]).toBe(source.pixels[from]);
      }
    }
  });
  test("reduces a large picture to the limit, in its shape", () => {
    expect(fitted(picture(4096, 2048), LIMITS)).toMatchObject({ width: 1448, height: 724 });
  });
  test("every side stays above the least, whatever the shape", () => {
    const side = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const result = fitted(picture(width, height), { leastSide: 14, mostPixels: 2000 });
        expect(Math.min(result.width, result.height)).toBeGreaterThanOrEqual(14);
      }),
      { numRuns: 30 },
    );
  });
});

describe("jpegOf", () => {
  test("writes quality 75 and halved colour, as Pillow does", async () => {
    const file = await jpegOf(chequered(16, 16));
    expect(await sharp(file).metadata()).toMatchObject({
      format: "jpeg",
      chromaSubsampling: "4:2:0",
      width: 16,
    });
    // The first entry of the luminance table is 16 scaled by (200 − 2 · 75) %: libjpeg's quality 75.
    const table = file.indexOf(Buffer.from([0xff, 0xdb]));
    expect(file[table + 5]).toBe(8);
  });
});
