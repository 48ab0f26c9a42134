/** Emu3's MoVQ as a vision tokenizer: pictures to code grids and back. */

import { resolve } from "node:path";
import { CheckpointError, DataError } from "../../errors.ts";
import type { Picture } from "../../images/picture.ts";
import { resizedSize } from "../../images/resize.ts";
import type { SessionOptions } from "../../tensor/session.ts";
import type { CodeGrid, GridSize, PictureSize, VisionTokenizer } from "../vision-tokenizer.ts";
import { VISION_FILE } from "../vision-tokenizer.ts";
import { spatialFactor } from "./config.ts";
import { readMovqConfig } from "./config-file.ts";
import { MovqModel } from "./movq-model.ts";
import { fromPixels, toPixels } from "./pixels.ts";
import { openMovqWeights } from "./weights.ts";

export const MOVQ_KIND = "movq";

/** EARL trains and evaluates at 256 × 256 pixels, in whatever shape. */
const EARL_AREA = 65_536;

export class MovqTokenizer implements VisionTokenizer, Disposable {
  readonly codebookSize: number;
  readonly #model: MovqModel;
  readonly #factor: number;
  readonly #directory: string;

  /** `directory` is where the weights lie. Throws CheckpointError for a model whose pictures are not RGB. */
  constructor(model: MovqModel, directory: string) {
    const { codebookSize, inputChannels, outputChannels } = model.config;
    if (inputChannels !== 3 || outputChannels !== 3) {
      throw new CheckpointError(
        `The vision tokenizer in ${directory} reads ${inputChannels} channels and writes ${outputChannels}.`,
        { hint: "Pictures are RGB: use one with 3 and 3." },
      );
    }
    this.codebookSize = codebookSize;
    this.#model = model;
    this.#factor = spatialFactor(model.config);
    this.#directory = resolve(directory);
  }

  /**
   * Opens a directory in any of the layouts that config-file.ts reads. Throws CheckpointError where config and weights
   * are missing or do not fit together; weights are read later.
   */
  static async open(directory: string, options: SessionOptions = {}): Promise<MovqTokenizer> {
    const file = await readMovqConfig(directory);
    const read = await openMovqWeights(directory, file);
    return new MovqTokenizer(new MovqModel(file.config, read, options), directory);
  }

  /** EARL's rule: the same shape at the wanted area; what is over whole codes is then cut off by the grid. */
  fittingSize(width: number, height: number, area = EARL_AREA): PictureSize {
    return resizedSize(width, height, area);
  }

  pictureSizeOf({ rows, columns }: GridSize): PictureSize {
    return { width: columns * this.#factor, height: rows * this.#factor };
  }

  gridOf(width: number, height: number): GridSize {
    const [rows, columns] = [Math.floor(height / this.#factor), Math.floor(width / this.#factor)];
    if (!(rows >= 1 && columns >= 1)) {
      throw new DataError(
        `A ${width} × ${height} picture is too small: one code stands for ${this.#factor} pixels.`,
        {
          hint: `Enlarge it so that both sides have ${this.#factor} pixels or more.`,
        },
      );
    }
    return { rows, columns };
  }

  async encode(pictures: readonly Picture[]): Promise<CodeGrid[]> {
    for (const { width, height } of pictures) this.gridOf(width, height);
    const grids: CodeGrid[] = [];
    for (const one of pictures) {
      const { rows, columns, codes } = await this.#model.encode(toPixels(one), one.height, one.width);
      grids.push({ rows, columns, codes });
    }
    return grids;
  }

  async decode(grids: readonly CodeGrid[]): Promise<Picture[]> {
    for (const grid of grids) this.#check(grid);
    const pictures: Picture[] = [];
    for (const grid of grids) {
      const { width, height } = this.pictureSizeOf(grid);
      pictures.push(fromPixels(await this.#model.decode(grid.codes, grid), width, height));
    }
    return pictures;
  }

  release(): Promise<void> {
    return this.#model.release();
  }

  /** A reference to the directory it was opened from: a gigabyte of weights that never change is not copied. */
  files(): ReadonlyMap<string, Uint8Array> {
    const content = { kind: MOVQ_KIND, directory: this.#directory };
    return new Map([[VISION_FILE, Buffer.from(`${JSON.stringify(content)}\n`)]]);
  }

  [Symbol.dispose](): void {
    this.#model[Symbol.dispose]();
  }

  #check({ rows, columns, codes }: CodeGrid): void {
    if (rows < 1 || columns < 1 || codes.length !== rows * columns) {
      throw new DataError(
        `A ${rows} × ${columns} code grid has ${rows * columns} codes, got ${codes.length}.`,
      );
    }
    const stray = codes.find((code) => code < 0 || code >= this.codebookSize);
    if (stray !== undefined) {
      throw new DataError(`Code ${stray} is outside the codebook of ${this.codebookSize} entries.`);
    }
  }
}
