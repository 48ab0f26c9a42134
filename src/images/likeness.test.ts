import sharp from "sharp";
import { describe, expect, test } from "vitest";

import { Rng } from "../random.ts";
import { decodePicture } from "./codec.ts";
import { cellDifference, hashDistance, likenessOf } from "./likeness.ts";
import { picture, type Picture } from "./picture.ts";
import { resize } from "./resize.ts";

/** Soft blobs of colour: as smooth as a photograph, and no two alike. */
function blobs(seed: number): Picture {
  const rng = Rng.from(seed, "blobs");
  const small = picture(12, 9);
  for (let at = 0; at < small.pixels.length; at += 1) small.pixels[at] = rng.integer(256);
  return resize(small, 200, 150);
}

async function jpeg({ width, height, pixels }: Picture, quality: number): Promise<Picture> {
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
  return decodePicture(bytes, "jpeg");
}

const apart = (one: Picture, other: Picture): [bits: number, levels: number] => {
  const [left, right] = [likenessOf(one), likenessOf(other)];
  return [hashDistance(left.hash, right.hash), cellDifference(left, right)];
};

describe("pictures that are nearly the same", () => {
  test("are near when they are stored as JPEG or at another size", async () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const original = blobs(seed);
      for (const copy of [await jpeg(original, 40), resize(original, 96, 72), resize(original, 256, 256)]) {
        const [bits, levels] = apart(original, copy);
        expect(bits).toBeLessThanOrEqual(4);
        expect(levels).toBeLessThanOrEqual(24);
      }
    }
  });

  test("are not others, nor the same with an object added", () => {
    for (let seed = 0; seed < 10; seed += 1) {
      expect(apart(blobs(seed), blobs(seed + 10))[0]).toBeGreaterThan(10);
      const edited = blobs(seed);
      for (let y = 60; y < 90; y += 1) edited.pixels.fill(0, 3 * (200 * y + 80), 3 * (200 * y + 120));
      expect(apart(blobs(seed), edited)[1]).toBeGreaterThan(32);
    }
  });

  test("noise in a flat picture raises no bits", async () => {
    const flat = picture(64, 64);
    flat.pixels.fill(128);
    const noisy = picture(64, 64);
    const rng = Rng.from(0, "noise");
    noisy.pixels.forEach((_, at) => (noisy.pixels[at] = 127 + rng.integer(3)));
    expect(apart(flat, noisy)).toEqual([0, expect.any(Number)]);
  });
});

test("bits are counted", () => {
  expect(hashDistance([0, 0], [0xffffffff, 0xffffffff])).toBe(64);
  expect(hashDistance([0b1011, 0x80000000], [0b0001, 0])).toBe(3);
});
