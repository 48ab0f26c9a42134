/**
 * A vision tokenizer made of patches: a picture is cut into squares, each becomes the nearest entry of a codebook of
 * squares. Pictures drawn from few patches (the procedural scenes) come back unchanged; others lose detail, which
 * the PSNR tells.
 */

import { setImmediate } from "node:timers/promises";

import { z } from "zod";
import { CheckpointError, DataError } from "../errors.ts";
import { MOST, MOST_SIDE } from "../policy/size-limits.ts";
import { picture, type Picture } from "../images/picture.ts";
import { resizedSize } from "../images/resize.ts";
import { nearestRow } from "./k-means.ts";
import type { CodeGrid, GridSize, PictureSize, VisionTokenizer } from "./vision-tokenizer.ts";
import { VISION_FILE } from "./vision-tokenizer.ts";

const KIND = "patch-codebook";

/** Pixels of a side. A larger picture would be a sequence that no policy reads. */
const side = z.int().min(1).max(MOST_SIDE);

/** What the file says beside its kind. */
const PatchCodebookFile = z.strictObject({
  patchSize: side,
  codebookSize: z.int().min(1).max(MOST.vocabularySize),
  /** [codebookSize, patchSize, patchSize, 3] bytes. */
  codebook: z.base64(),
  /** Of the pictures it was fitted to, where all had one. */
  pictureSize: z.strictObject({ width: side, height: side }).exactOptional(),
});

type PatchCodebookFile = z.infer<typeof PatchCodebookFile>;

export class PatchCodebook implements VisionTokenizer {
  readonly patchSize: number;
  readonly codebookSize: number;
  /** Size of the pictures it was fitted to, where all had one. */
  readonly pictureSize: PictureSize | undefined;
  /** [codebookSize, patchSize, patchSize, 3] */
  readonly #entries: Uint8Array;
  readonly #patchBytes: number;
  readonly #codeOf = new Map<string, number>();

  /** Throws CheckpointError where the bytes are not a whole number of patches. */
  constructor(patchSize: number, entries: Uint8Array, pictureSize?: PictureSize) {
    this.patchSize = patchSize;
    this.pictureSize = pictureSize;
    this.#patchBytes = patchSize * patchSize * 3;
    this.#entries = entries;
    this.codebookSize = entries.length / this.#patchBytes;
    if (!Number.isInteger(this.codebookSize) || this.codebookSize < 1) {
      throw new CheckpointError(
        `A codebook of ${patchSize} × ${patchSize} patches cannot have ${entries.length} bytes.`,
        { hint: `${VISION_FILE} is damaged; copy it again from the checkpoint.` },
      );
    }
    // From the last to the first, so that of equal entries the lowest index stays.
    for (let code = this.codebookSize - 1; code >= 0; code -= 1) {
      this.#codeOf.set(patchKey(this.#entry(code)), code);
    }
  }

  /** Opens what `files` wrote. Throws CheckpointError where its numbers do not fit each other. */
  static open({ patchSize, codebookSize, codebook, pictureSize }: PatchCodebookFile): PatchCodebook {
    const entries = new Uint8Array(Buffer.from(codebook, "base64"));
    const tokenizer = new PatchCodebook(patchSize, entries, pictureSize);
    if (tokenizer.codebookSize !== codebookSize) {
      throw new CheckpointError(
        `${VISION_FILE} says ${codebookSize} codes, but holds ${tokenizer.codebookSize}.`,
        { hint: "Copy it again from the checkpoint." },
      );
    }
    if (pictureSize !== undefined && !isCut(pictureSize, patchSize)) {
      const { width, height } = pictureSize;
      throw new CheckpointError(
        `${VISION_FILE} says pictures of ${width} × ${height}, which ${patchSize} × ${patchSize} patches do not fill.`,
        { hint: "Copy it again from the checkpoint." },
      );
    }
    return tokenizer;
  }

  /**
   * The size of the pictures it was fitted to, the only one that the policy beside it has seen; where they had several,
   * the picture's own. With an area, the same shape in whole patches.
   */
  fittingSize(width: number, height: number, area?: number): PictureSize {
    if (area === undefined) return this.pictureSize ?? { width, height };
    const inPatches = resizedSize(width, height, area / this.patchSize ** 2);
    return { width: inPatches.width * this.patchSize, height: inPatches.height * this.patchSize };
  }

  pictureSizeOf({ rows, columns }: GridSize): PictureSize {
    return { width: columns * this.patchSize, height: rows * this.patchSize };
  }

  gridOf(width: number, height: number): GridSize {
    return patchGrid(width, height, this.patchSize);
  }

  async encode(pictures: readonly Picture[]): Promise<CodeGrid[]> {
    for (const { width, height } of pictures) this.gridOf(width, height);
    return inTurns(pictures, (one) => this.#encodeOne(one));
  }

  async decode(grids: readonly CodeGrid[]): Promise<Picture[]> {
    return inTurns(grids, (grid) => this.#decodeOne(grid));
  }

  /** A codebook is small: there is nothing to free. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  files(): ReadonlyMap<string, Uint8Array> {
    const content: z.infer<typeof PatchCodebookFile> & { kind: string } = {
      kind: KIND,
      patchSize: this.patchSize,
      codebookSize: this.codebookSize,
      codebook: Buffer.from(this.#entries).toString("base64"),
      ...(this.pictureSize === undefined ? {} : { pictureSize: this.pictureSize }),
    };
    return new Map([[VISION_FILE, Buffer.from(`${JSON.stringify(content)}\n`)]]);
  }

  #entry(code: number): Uint8Array {
    return this.#entries.subarray(code * this.#patchBytes, (code + 1) * this.#patchBytes);
  }

  #encodeOne(source: Picture): CodeGrid {
    const grid = this.gridOf(source.width, source.height);
    const codes = new Int32Array(grid.rows * grid.columns);
    for (let cell = 0; cell < codes.length; cell += 1) {
      const patch = patchAt(source, this.patchSize, cell);
      codes[cell] =
        this.#codeOf.get(patchKey(patch)) ?? nearestRow(patch, 0, this.#entries, this.#patchBytes).row;
    }
    return { ...grid, codes };
  }

  #decodeOne({ rows, columns, codes }: CodeGrid): Picture {
    const result = picture(columns * this.patchSize, rows * this.patchSize);
    if (codes.length !== rows * columns) {
      throw new DataError(
        `A ${rows} × ${columns} code grid has ${rows * columns} codes, got ${codes.length}.`,
      );
    }
    const rowBytes = this.patchSize * 3;
    for (const [cell, code] of codes.entries()) {
      if (code < 0 || code >= this.codebookSize) {
        throw new DataError(`Code ${code} is outside the codebook of ${this.codebookSize} patches.`);
      }
      const entry = this.#entry(code);
      for (let row = 0; row < this.patchSize; row += 1) {
        const from = row * rowBytes;
        result.pixels.set(entry.subarray(from, from + rowBytes), rowStart(result, this.patchSize, cell, row));
      }
    }
    return result;
  }
}

export const PATCH_CODEBOOK = {
  about: "A codebook of squares that was fitted to the training pictures; the file holds all of it.",
  options: PatchCodebookFile,
  open: async (file: PatchCodebookFile): Promise<VisionTokenizer> => PatchCodebook.open(file),
};

/** One after the other; timers and sockets have their turn after each. */
async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) {
    results.push(work(item));
    await setImmediate();
  }
  return results;
}

function isCut({ width, height }: PictureSize, patchSize: number): boolean {
  return width % patchSize === 0 && height % patchSize === 0;
}

/** The grid of patches that fill a picture. Throws DataError where they leave a rest. */
export function patchGrid(width: number, height: number, patchSize: number): GridSize {
  if (width < 1 || height < 1 || width % patchSize !== 0 || height % patchSize !== 0) {
    throw new DataError(
      `A ${width} × ${height} picture cannot be cut into ${patchSize} × ${patchSize} patches.`,
      {
        hint: `Resize it so that both sides are multiples of ${patchSize}.`,
      },
    );
  }
  return { rows: height / patchSize, columns: width / patchSize };
}

/** The bytes of one patch, cells counted row by row. [patchSize, patchSize, 3] */
export function patchAt(source: Picture, patchSize: number, cell: number): Uint8Array {
  const rowBytes = patchSize * 3;
  const patch = new Uint8Array(patchSize * rowBytes);
  for (let row = 0; row < patchSize; row += 1) {
    const from = rowStart(source, patchSize, cell, row);
    patch.set(source.pixels.subarray(from, from + rowBytes), row * rowBytes);
  }
  return patch;
}

/** What two patches share exactly when every byte is the same. */
export function patchKey(patch: Uint8Array): string {
  return Buffer.from(patch.buffer, patch.byteOffset, patch.byteLength).toString("latin1");
}

/** Where a row of pixels of a patch starts in its picture. */
function rowStart({ width }: Picture, patchSize: number, cell: number, row: number): number {
  const columns = width / patchSize;
  const top = Math.floor(cell / columns) * patchSize + row;
  return (top * width + (cell % columns) * patchSize) * 3;
}
