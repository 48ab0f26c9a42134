import { readFile } from "node:fs/promises";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { decodePicture } from "./codec.ts";
import { picture, type Picture } from "./picture.ts";
import { resize, resizedSize } from "./resize.ts";

interface Expected {
  readonly cases: readonly { area: number; size: [number, number]; resized: [number, number] }[];
  readonly rule: readonly { area: number; size: [number, number]; resized: [number, number] }[];
}

const FIXTURES = new URL("../../test/fixtures/resize/", import.meta.url);
const expected = JSON.parse(await readFile(new URL("expected.json", FIXTURES), "utf8")) as Expected;

async function load(name: string): Promise<Picture> {
  return decodePicture(await readFile(new URL(name, FIXTURES)), name);
}

describe("resize", () => {
  test.each(expected.cases.map((one, index) => ({ ...one, index })))(
    "equals Pillow's bicubic at area $area, $size to $resized",
    async ({ index, size, resized }) => {
      const source = await load(`${index}-in.png`);
      expect([source.width, source.height]).toEqual(size);
      const result = resize(source, resized[0], resized[1]);
      expect(result).toEqual(await load(`${index}-out.png`));
    },
  );

  test("a plain picture stays plain at any size", () => {
    const sides = fc.integer({ min: 1, max: 24 });
    fc.assert(
      fc.property(sides, sides, sides, sides, fc.integer({ min: 0, max: 255 }), (width, height, ...rest) => {
        const [toWidth, toHeight, grey] = rest;
        const plain = picture(width, height, new Uint8Array(width * height * 3).fill(grey));
        const result = resize(plain, toWidth, toHeight);
        expect(result).toMatchObject({ width: toWidth, height: toHeight });
        expect(result.pixels.every((value) => value === grey)).toBe(true);
      }),
    );
  });

  test("the same size changes nothing", async () => {
    const source = await load("3-in.png");
    expect(resize(source, source.width, source.height)).toEqual(source);
  });

  test("a size below one pixel is refused", () => {
    expect(() => resize(picture(4, 4), 0, 4)).toThrow(DataError);
  });
});

describe("resizedSize", () => {
  test.each([...expected.rule, ...expected.cases])("gives $size at area $area $resized", (one) => {
    const { width, height } = resizedSize(one.size[0], one.size[1], one.area);
    expect([width, height]).toEqual(one.resized);
  });

  test("rounds a half to the even side", () => {
    // The ratio is 1/2 and both products are exact: 2.5 and 3.5.
    expect(resizedSize(5, 7, 35 / 4)).toEqual({ width: 2, height: 4 });
  });

  test("a side that would vanish is refused", () => {
    expect(() => resizedSize(1, 4000, 100)).toThrow("1 × 4000");
  });
});
