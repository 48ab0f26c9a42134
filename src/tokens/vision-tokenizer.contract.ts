/** What every VisionTokenizer must do, as a suite that each implementation runs. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { DataError } from "../errors.ts";
import { picture, type Picture } from "../images/picture.ts";
import { Rng } from "../random.ts";
import { openVisionTokenizer } from "./open-vision-tokenizer.ts";
import { VISION_FILE, type CodeGrid, type VisionTokenizer } from "./vision-tokenizer.ts";

export interface VisionSubject {
  open(): Promise<VisionTokenizer>;
  /** Sizes of pictures that it takes, the first one the smallest; each becomes another grid. */
  readonly sizes: readonly (readonly [width: number, height: number])[];
}

function randomPicture(width: number, height: number): Picture {
  const rng = Rng.from(3, width, height);
  return picture(
    width,
    height,
    Uint8Array.from({ length: width * height * 3 }, () => rng.integer(256)),
  );
}

export function visionContract(name: string, subject: VisionSubject): void {
  describe(`${name} as a VisionTokenizer`, () => {
    const pictures = subject.sizes.map(([width, height]) => randomPicture(width, height));
    let tokenizer: VisionTokenizer;
    let grids: CodeGrid[];
    beforeAll(async () => {
      tokenizer = await subject.open();
      grids = await tokenizer.encode(pictures);
    });
    afterAll(() => tokenizer[Symbol.asyncDispose]());

    test("makes the grid that it says, full of codes of its codebook", () => {
      expect(grids).toHaveLength(pictures.length);
      for (const [index, { rows, columns, codes }] of grids.entries()) {
        const { width, height } = pictures[index]!;
        expect({ rows, columns }).toEqual(tokenizer.gridOf(width, height));
        expect(codes).toHaveLength(rows * columns);
        expect(codes.every((code) => code >= 0 && code < tokenizer.codebookSize)).toBe(true);
      }
    });

    test("decodes grids to pictures of the size that it says", async () => {
      const decoded = await tokenizer.decode(grids);
      expect(decoded).toHaveLength(grids.length);
      for (const [index, { width, height, pixels }] of decoded.entries()) {
        expect({ width, height }).toEqual(tokenizer.pictureSizeOf(grids[index]!));
        expect(pixels).toHaveLength(width * height * 3);
      }
    });

    test("gives a picture the same codes and a grid the same pixels in a batch, alone, and at the same time", async () => {
      const apart = await Promise.all(pictures.map((one) => tokenizer.encode([one])));
      expect(apart.flat()).toEqual(grids);
      const decoded = await Promise.all(grids.map((grid) => tokenizer.decode([grid])));
      expect(decoded.flat()).toEqual(await tokenizer.decode(grids));
    });

    test("takes an empty batch", async () => {
      expect(await tokenizer.encode([])).toEqual([]);
      expect(await tokenizer.decode([])).toEqual([]);
    });

    test("gives any picture a size that it takes, its own area or another", () => {
      for (const area of [undefined, 40 * pictures[0]!.width * pictures[0]!.height]) {
        const { width, height } = tokenizer.fittingSize(...subject.sizes[0]!, area);
        const { rows, columns } = tokenizer.gridOf(width, height);
        expect(rows * columns).toBeGreaterThan(0);
      }
    });

    test("refuses a picture that is too small, grids that are not filled and codes outside its codebook", async () => {
      const [grid] = grids as [CodeGrid];
      const { codebookSize } = tokenizer;
      expect(() => tokenizer.gridOf(0, 0)).toThrow(DataError);
      await expect(tokenizer.encode([pictures[0]!, picture(1, 1)])).rejects.toThrow(DataError);
      await expect(tokenizer.decode([grid, { ...grid, rows: grid.rows + 1 }])).rejects.toThrow(DataError);
      for (const stray of [-1, codebookSize]) {
        const codes = grid.codes.with(0, stray);
        await expect(tokenizer.decode([{ ...grid, codes }])).rejects.toThrow(`Code ${stray} is outside`);
      }
    });

    test("is opened again from its files, and gives the same codes", async () => {
      const directory = await mkdtemp(join(tmpdir(), "earl-vision-"));
      try {
        const files = tokenizer.files();
        expect([...files.keys()]).toContain(VISION_FILE);
        for (const [file, content] of files) await writeFile(join(directory, file), content);
        await using again = await openVisionTokenizer(directory);
        expect(await again.encode(pictures.slice(0, 2))).toEqual(grids.slice(0, 2));
        expect(again.files()).toEqual(files);
      } finally {
        await rm(directory, { recursive: true });
      }
    });

    test("lets timers, sockets and signals be served while it works", async () => {
      let ticks = 0;
      const timer = setInterval(() => {
        ticks += 1;
      }, 1);
      const batch = Array.from({ length: 2 }, () => pictures).flat();
      for (const start = performance.now(); performance.now() - start < 300;) {
        await tokenizer.decode(await tokenizer.encode(batch));
      }
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(5);
    });
  });
}
