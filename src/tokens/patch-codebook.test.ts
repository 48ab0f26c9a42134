import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckpointError, DataError } from "../errors.ts";
import { picture, type Picture } from "../images/picture.ts";
import { Rng } from "../random.ts";
import { fitPatchCodebook } from "./fit-patch-codebook.ts";
import { openVisionTokenizer } from "./open-vision-tokenizer.ts";
import { PatchCodebook } from "./patch-codebook.ts";
import { visionContract } from "./vision-tokenizer.contract.ts";

const noise = (width: number, height: number, seed: number): Picture => {
  const rng = Rng.from(seed, "noise");
  return picture(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, () => rng.integer(256)),
  );
};

/** Grey squares of one level each, row by row. */
const squares = (levels: number[][], side: number): Picture => {
  const result = picture((levels[0] as number[]).length * side, levels.length * side);
  for (let at = 0; at < result.pixels.length; at += 1) {
    const x = Math.floor(at / 3) % result.width;
    const y = Math.floor(at / 3 / result.width);
    result.pixels[at] = levels[Math.floor(y / side)]?.[Math.floor(x / side)] as number;
  }
  return result;
};

const psnr = (a: Picture, b: Picture): number => {
  const squared = a.pixels.reduce((sum, value, at) => sum + (value - (b.pixels[at] as number)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squared / a.pixels.length));
};

describe("fitPatchCodebook", () => {
  test("loses nothing where there are no more distinct patches than entries", async () => {
    const pictures = [noise(12, 8, 1), noise(8, 4, 2)];
    const { tokenizer, psnr: fitted } = fitPatchCodebook(pictures, {
      patchSize: 4,
      codebookSize: 8,
      seed: 0,
    });
    expect(fitted).toBe(Infinity);
    expect(tokenizer.codebookSize).toBe(8);
    expect(await tokenizer.decode(await tokenizer.encode(pictures))).toEqual(pictures);
  });

  test("counts equal patches once", () => {
    const { tokenizer } = fitPatchCodebook(
      [
        squares(
          [
            [7, 9],
            [9, 7],
          ],
          2,
        ),
      ],
      {
        patchSize: 2,
        codebookSize: 99,
        seed: 0,
      },
    );
    expect(tokenizer.codebookSize).toBe(2);
  });

  test("finds the clusters of levels that lie close together", async () => {
    const pictures = [
      squares(
        [
          [0, 2, 100, 102],
          [250, 252, 2, 0],
          [101, 101, 251, 251],
        ],
        2,
      ),
    ];
    const { tokenizer } = fitPatchCodebook(pictures, { patchSize: 2, codebookSize: 3, seed: 4 });
    const [grid] = await tokenizer.encode(pictures);
    const codes = [...(grid?.codes ?? [])];
    const [a, b, c] = [codes[0], codes[2], codes[4]];
    expect(codes).toEqual([a, a, b, b, c, c, a, a, b, b, c, c]);
    expect(new Set([a, b, c]).size).toBe(3);
  });

  test("reports the PSNR that encoding and decoding has", async () => {
    const pictures = [noise(32, 32, 3)];
    const { tokenizer, psnr: fitted } = fitPatchCodebook(pictures, {
      patchSize: 2,
      codebookSize: 20,
      seed: 0,
    });
    const [back] = await tokenizer.decode(await tokenizer.encode(pictures));
    expect(fitted).toBeCloseTo(psnr(pictures[0] as Picture, back as Picture), 9);
    const more = fitPatchCodebook(pictures, { patchSize: 2, codebookSize: 100, seed: 0 });
    expect(more.psnr).toBeGreaterThan(fitted);
  });

  test("gives the same codebook for the same seed, whatever the order of the pictures", () => {
    const pictures = [noise(16, 16, 5), noise(16, 16, 6)];
    const options = { patchSize: 4, codebookSize: 9, seed: 3 };
    const once = fitPatchCodebook(pictures, options).tokenizer.files();
    expect(fitPatchCodebook(pictures.toReversed(), options).tokenizer.files()).toEqual(once);
    expect(fitPatchCodebook(pictures, { ...options, seed: 4 }).tokenizer.files()).not.toEqual(once);
  });

  test("refuses to fit to nothing, and to a picture that patches do not fill", () => {
    const options = { patchSize: 4, codebookSize: 9, seed: 3 };
    expect(() => fitPatchCodebook([], options)).toThrow(DataError);
    expect(() => fitPatchCodebook([picture(8, 6)], options)).toThrow(
      "8 × 6 picture cannot be cut into 4 × 4",
    );
  });
});

visionContract("the patch codebook", {
  open: () => Promise.resolve(new PatchCodebook(4, noise(4, 4 * 60, 5).pixels)),
  sizes: [
    [4, 4],
    [8, 4],
    [12, 20],
  ],
});

describe("PatchCodebook", () => {
  test("encodes a patch as the nearest entry, the first of equals", async () => {
    // Entries of one pixel: 10, 30, 30.
    const tokenizer = new PatchCodebook(1, Uint8Array.of(10, 10, 10, 30, 30, 30, 30, 30, 30));
    const levels = [[10, 19, 20, 21, 30, 255]];
    const [grid] = await tokenizer.encode([squares(levels, 1)]);
    expect(grid).toEqual({ rows: 1, columns: 6, codes: Int32Array.of(0, 0, 0, 1, 1, 1) });
  });

  test("agrees with a search over all entries", async () => {
    const table = noise(5, 1, 9).pixels;
    const tokenizer = new PatchCodebook(1, table);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 3, maxLength: 3 }), async (pixel) => {
        const distances = [0, 1, 2, 3, 4].map((code) =>
          pixel.reduce((sum, value, at) => sum + (value - (table[code * 3 + at] as number)) ** 2, 0),
        );
        const [grid] = await tokenizer.encode([picture(1, 1, pixel)]);
        expect(grid?.codes[0]).toBe(distances.indexOf(Math.min(...distances)));
      }),
    );
  });

  test("refuses sizes and codes that do not fit", async () => {
    const tokenizer = new PatchCodebook(2, new Uint8Array(24));
    expect(tokenizer.gridOf(6, 4)).toEqual({ rows: 2, columns: 3 });
    expect(() => tokenizer.gridOf(0, 4)).toThrow(DataError);
    await expect(tokenizer.encode([picture(3, 4)])).rejects.toThrow(DataError);
    const outside = { rows: 1, columns: 1, codes: Int32Array.of(2) };
    await expect(tokenizer.decode([outside])).rejects.toThrow("Code 2 is outside");
    await expect(tokenizer.decode([{ ...outside, rows: 2 }])).rejects.toThrow("has 2 codes, got 1");
  });
});

describe("openVisionTokenizer", () => {
  test("opens what was saved, and says what is wrong with what was not", async () => {
    const directory = await mkdtemp(join(tmpdir(), "earl-codebook-"));
    try {
      await expect(openVisionTokenizer(directory)).rejects.toThrow("has no vision tokenizer");
      const pictures = [noise(8, 8, 7)];
      const { tokenizer } = fitPatchCodebook(pictures, { patchSize: 4, codebookSize: 9, seed: 3 });
      for (const [name, content] of tokenizer.files()) await writeFile(join(directory, name), content);
      const opened = await openVisionTokenizer(directory);
      expect(await opened.encode(pictures)).toEqual(await tokenizer.encode(pictures));
      expect(opened.files()).toEqual(tokenizer.files());

      const path = join(directory, "vision_tokenizer.json");
      for (const broken of [
        "{",
        '{"kind":"other"}',
        '{"kind":"patch-codebook","patchSize":1,"codebookSize":1,"codebook":"AAAA AAAA"}',
        '{"kind":"patch-codebook","patchSize":1,"codebookSize":1,"codebook":"AAAAAA=="}',
        '{"kind":"patch-codebook","patchSize":1,"codebookSize":2,"codebook":"AAAA"}',
        '{"kind":"patch-codebook","patchSize":1e9,"codebookSize":1,"codebook":"AAAA"}',
        '{"kind":"patch-codebook","patchSize":1,"codebookSize":1,"codebook":"AAAA","pictureSize":{"width":1e12,"height":1}}',
        '{"kind":"patch-codebook","patchSize":1,"codebookSize":1,"codebook":"AAAA","pictureSize":{"width":8,"height":1e6}}',
        '{"kind":"patch-codebook","patchSize":1,"codebookSize":1,"codebook":"AAAA","pictureSize":{"width":8.5,"height":8}}',
        `{"kind":"patch-codebook","patchSize":2,"codebookSize":1,"codebook":"${"AAAA".repeat(4)}","pictureSize":{"width":8,"height":9}}`,
      ]) {
        await writeFile(path, broken);
        await expect(openVisionTokenizer(directory)).rejects.toThrow(CheckpointError);
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("the size of a picture that is read", () => {
  const options = { patchSize: 4, codebookSize: 8, seed: 0 };
  const one = fitPatchCodebook([noise(12, 8, 1), noise(12, 8, 2)], options).tokenizer;
  const several = fitPatchCodebook([noise(12, 8, 1), noise(8, 4, 2)], options).tokenizer;

  test("is that of the pictures it was fitted to, also after saving", () => {
    expect(one.fittingSize(640, 480)).toEqual({ width: 12, height: 8 });
    const file = Buffer.from(one.files().get("vision_tokenizer.json") as Uint8Array).toString("utf8");
    expect(
      PatchCodebook.open(JSON.parse(file) as Parameters<typeof PatchCodebook.open>[0]).pictureSize,
    ).toEqual({ width: 12, height: 8 });
  });

  test("is its own where they had several", () => {
    expect(several.pictureSize).toBeUndefined();
    expect(several.fittingSize(640, 480)).toEqual({ width: 640, height: 480 });
  });

  test("is a wanted area in whole patches", () => {
    expect(one.fittingSize(200, 100, 512)).toEqual({ width: 32, height: 16 });
    const sizes = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: 10_000, max: 50_000 }), (width, height, area) => {
        fc.pre(Math.max(width, height) < 100 * Math.min(width, height));
        const size = one.fittingSize(width, height, area);
        expect(one.pictureSizeOf(one.gridOf(size.width, size.height))).toEqual(size);
      }),
    );
  });
});
