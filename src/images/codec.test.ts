import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { decodePicture } from "./codec.ts";
import { picture, type Picture } from "./picture.ts";
import { encodePng } from "./png.ts";

function gradient(width: number, height: number): Picture {
  const one = picture(width, height);
  for (let index = 0; index < one.pixels.length; index += 1) one.pixels[index] = (index * 37) % 256;
  return one;
}

function toSharp({ width, height, pixels }: Picture): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

describe("decodePicture", () => {
  test.each([
    ["PNG", (one: Picture) => toSharp(one).png().toBuffer()],
    ["lossless WebP", (one: Picture) => toSharp(one).webp({ lossless: true }).toBuffer()],
  ])("gives a %s picture's pixels back", async (_, encode) => {
    const original = gradient(13, 7);
    expect(await decodePicture(await encode(original), "one")).toEqual(original);
  });

  test("reads JPEG, grey pictures as RGB and 16 bits as 8", async () => {
    const plain = picture(16, 16, new Uint8Array(16 * 16 * 3).fill(120));
    const expected = { width: 16, height: 16 };
    for (const encoded of [
      await toSharp(plain).jpeg().toBuffer(),
      await toSharp(plain).greyscale().png().toBuffer(),
      await toSharp(plain).toColourspace("rgb16").png().toBuffer(),
    ]) {
      const decoded = await decodePicture(encoded, "one");
      expect(decoded).toMatchObject(expected);
      expect([...new Set(decoded.pixels)]).toEqual([120]);
    }
  });

  test("applies the EXIF orientation", async () => {
    const turned = await toSharp(gradient(6, 2)).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await decodePicture(turned, "turned")).toMatchObject({ width: 2, height: 6 });
  });

  test("drops alpha without blending", async () => {
    const clear = await sharp(Uint8Array.of(10, 20, 30, 0), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect((await decodePicture(clear, "clear")).pixels).toEqual(Uint8Array.of(10, 20, 30));
  });

  test("names an empty file", async () => {
    await expect(decodePicture(new Uint8Array(0), "cat.png")).rejects.toThrow(
      "cat.png: the picture is empty",
    );
  });

  test.each([
    ["cut off PNG", async () => encodePng(gradient(40, 40)).subarray(0, 400)],
    ["cut off JPEG", async () => (await toSharp(gradient(64, 64)).jpeg().toBuffer()).subarray(0, 900)],
    ["text", async () => new TextEncoder().encode("<html>404</html>")],
  ])("refuses a %s by its label", async (_, bytes) => {
    const attempt = decodePicture(await bytes(), "cat.png");
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow("cat.png");
  });
});

describe("encodePng", () => {
  test("loses nothing, and equal pixels give equal bytes", async () => {
    for (const [width, height] of [
      [1, 1],
      [33, 5],
      [64, 64],
    ] as const) {
      const original = gradient(width, height);
      const encoded = encodePng(original);
      expect(await decodePicture(encoded, "one")).toEqual(original);
      expect(encodePng(gradient(width, height))).toEqual(encoded);
    }
  });
});
