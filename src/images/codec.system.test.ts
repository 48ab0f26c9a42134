import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { decodePicture } from "./codec.ts";
import { picture, type Picture } from "./picture.ts";
import { encodePng } from "./png.ts";

/** Pictures damaged on purpose, and what Pillow makes of them. */
const FIXTURES = join(import.meta.dirname, "../../test/fixtures/damaged-pictures");
const DAMAGED = (
  JSON.parse(await readFile(join(FIXTURES, "expected.json"), "utf8")) as {
    pictures: Record<string, { size: [number, number]; rgb_sha256: string } | { refused: string }>;
  }
).pictures;

/** Every depth and colour type of PNG, and what Pillow 12.3 makes of them (base64, RGB hashes). */
const KINDS = JSON.parse(
  await readFile(join(import.meta.dirname, "../../test/fixtures/pillow-pictures.json"), "utf8"),
) as Record<string, { base64: string; size: [number, number]; rgb_sha256: string }>;

function gradient(width: number, height: number): Picture {
  const one = picture(width, height);
  for (let index = 0; index < one.pixels.length; index += 1) one.pixels[index] = (index * 37) % 256;
  return one;
}

function toSharp({ width, height, pixels }: Picture): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

async function expectCutsRefused(whole: Uint8Array, fewest: number): Promise<void> {
  for (let missing = fewest; missing < whole.length; missing += 7) {
    const attempt = decodePicture(whole.subarray(0, -missing), "cut");
    await expect(attempt, `${missing} bytes are missing`).rejects.toThrow(DataError);
  }
}

describe("decodePicture", () => {
  test.each(Object.entries(KINDS))(
    "reads %s as Pillow does",
    async (name, { base64, size, rgb_sha256: want }) => {
      const { width, height, pixels } = await decodePicture(Buffer.from(base64, "base64"), name);
      expect([width, height]).toEqual(size);
      expect(createHash("sha256").update(pixels).digest("hex")).toBe(want);
    },
  );

  test.each([
    ["PNG", (one: Picture) => toSharp(one).png().toBuffer()],
    ["lossless WebP", (one: Picture) => toSharp(one).webp({ lossless: true }).toBuffer()],
  ])("gives a %s picture's pixels back", async (_, encode) => {
    const original = gradient(13, 7);
    expect(await decodePicture(await encode(original), "one")).toEqual(original);
  });

  test("reads JPEG, grey pictures as RGB and 16 bits of colour as 8", async () => {
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
    ["text", "<html>404</html>", 'it begins "<html>404</html>"'],
    ["an SVG", '<svg xmlns="http://www.w3.org/2000/svg"/>', "it is no PNG, JPEG or WebP"],
    ["a GIF", "GIF89a\u0001\u0000\u0001\u0000", 'it begins "GIF89a····"'],
    ["half a header", "\u0089PNG\r\n\u001a\n\u0000", "it is damaged or cut off"],
    [
      "a Git LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n",
      "cat.png: the picture is a Git LFS pointer",
    ],
  ])("refuses %s by its label", async (_, content, message) => {
    const attempt = decodePicture(Buffer.from(content, "latin1"), "cat.png");
    await expect(attempt).rejects.toThrow(DataError);
    await expect(attempt).rejects.toThrow(/^cat\.png: /);
    await expect(attempt).rejects.toThrow(message);
  });

  const opened = Object.entries(DAMAGED).flatMap(([name, one]) =>
    "refused" in one ? [] : [{ name, ...one }],
  );
  test.each(opened)("opens $name as Pillow does, pixel by pixel", async ({ name, size, rgb_sha256 }) => {
    const { width, height, pixels } = await decodePicture(await readFile(join(FIXTURES, name)), name);
    expect([width, height]).toEqual(size);
    expect(createHash("sha256").update(pixels).digest("hex")).toBe(rgb_sha256);
  });

  const refused = Object.entries(DAMAGED).flatMap(([name, one]) => ("refused" in one ? [name] : []));
  test.each(refused)("refuses %s as Pillow does", async (name) => {
    await expect(decodePicture(await readFile(join(FIXTURES, name)), name)).rejects.toThrow(DataError);
  });

  test("a JPEG may lack its end marker and nothing else", async () => {
    const whole = await toSharp(gradient(40, 24)).jpeg().toBuffer();
    const original = await decodePicture(whole, "whole");
    for (const missing of [1, 2]) {
      expect(await decodePicture(whole.subarray(0, -missing), "unended")).toEqual(original);
    }
    await expectCutsRefused(whole, 3);
  });

  test("a progressive JPEG that is cut anywhere is refused, between two scans as well", async () => {
    await expectCutsRefused(await toSharp(gradient(40, 24)).jpeg({ progressive: true }).toBuffer(), 1);
  });

  test("a PNG that is cut anywhere within its pixels is refused", async () => {
    const whole = encodePng(gradient(40, 24));
    // What follows the pixels may be missing: their checksum and the chunk that ends the file.
    await expectCutsRefused(whole, 20);
  });

  test.each(["png", "jpeg", "webp"] as const)(
    "shrinks a %s of 40 million pixels while it decodes it",
    async (format) => {
      const background = { r: 200, g: 30, b: 60 };
      const huge = sharp({ create: { width: 8000, height: 5000, channels: 3, background } });
      const decoded = await decodePicture(await huge.toFormat(format).toBuffer(), "huge");
      expect(decoded).toMatchObject({ width: 4000, height: 2500 });
      for (const [channel, value] of Object.values(background).entries()) {
        expect(Math.abs(decoded.pixels[channel]! - value)).toBeLessThanOrEqual(3);
      }
    },
  );

  test("decodes a picture of 16 million pixels whole", async () => {
    const create = { width: 4096, height: 4096, channels: 3, background: "black" } as const;
    const decoded = await decodePicture(await sharp({ create }).png().toBuffer(), "large");
    expect(decoded).toMatchObject({ width: 4096, height: 4096 });
  });

  test("turns a picture that it shrinks", async () => {
    const create = { width: 6000, height: 3000, channels: 3, background: "black" } as const;
    const turned = await sharp({ create }).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await decodePicture(turned, "turned")).toMatchObject({ width: 1500, height: 3000 });
  });

  test("refuses a picture whose header promises more than any machine holds, without decoding it", async () => {
    const bytes = Buffer.from(encodePng(gradient(2, 2)));
    bytes.writeUInt32BE(2 ** 30, 16);
    bytes.writeUInt32BE(2 ** 30, 20);
    bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
    await expect(decodePicture(bytes, "bomb.png")).rejects.toThrow(
      "bomb.png: the picture has 1073741824 × 1073741824 pixels.",
    );
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
