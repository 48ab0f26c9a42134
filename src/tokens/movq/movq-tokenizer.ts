/** Emu3's MoVQ as a vision tokenizer: pictures to code grids and back. */

import { dirname, resolve } from "node:path";
import { z } from "zod";
import { CheckpointError, DataError } from "../../errors.ts";
import type { Picture } from "../../images/picture.ts";
import { resizedSize } from "../../images/resize.ts";
import type { CodeGrid, GridSize, PictureSize, VisionTokenizer } from "../vision-tokenizer.ts";
import type { VisionContext } from "../vision-context.ts";
import { VISION_FILE } from "../vision-tokenizer.ts";
import { spatialFactor, type MovqConfig } from "./config.ts";
import { hasMovqConfig, readMovqConfig, type MovqConfigFile } from "./config-file.ts";
import type { MovqRunner, OpenMovqRunner } from "./movq-pictures.ts";
import { MovqThread } from "./movq-thread.ts";
import { openMovqWeights } from "./weights.ts";

const KIND = "movq";

/** What the file says beside its kind: where the weights lie, from the file's own folder on where it is relative. */
const MovqFile = z.object({ directory: z.string().trim().min(1) });
type MovqFile = z.infer<typeof MovqFile>;

/** EARL trains and evaluates at 256 × 256 pixels, in whatever shape. */
const EARL_AREA = 65_536;

export class MovqTokenizer implements VisionTokenizer {
  readonly codebookSize: number;
  readonly #runner: MovqRunner;
  readonly #factor: number;
  readonly #directory: string;

  /**
   * `directory` is where the weights lie; the runner is closed with the tokenizer. Throws CheckpointError for a model
   * whose pictures are not RGB.
   */
  constructor(config: MovqConfig, runner: MovqRunner, directory: string) {
    const { codebookSize, inputChannels, outputChannels } = config;
    if (inputChannels !== 3 || outputChannels !== 3) {
      throw new CheckpointError(
        `The vision tokenizer in ${directory} reads ${inputChannels} channels and writes ${outputChannels}.`,
        { hint: "Pictures are RGB: use one with 3 and 3." },
      );
    }
    this.codebookSize = codebookSize;
    this.#runner = runner;
    this.#factor = spatialFactor(config);
    this.#directory = resolve(directory);
  }

  /**
   * Opens a directory in any of the layouts that config-file.ts reads. Throws CheckpointError where config and weights
   * are missing or do not fit together; weights are read later.
   */
  static async open(directory: string, openRunner: OpenMovqRunner = inThread): Promise<MovqTokenizer> {
    const file = await readMovqConfig(directory);
    return new MovqTokenizer(file.config, await openRunner(directory, file), directory);
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
    return this.#runner.encode(pictures);
  }

  async decode(grids: readonly CodeGrid[]): Promise<Picture[]> {
    for (const grid of grids) this.#check(grid);
    return this.#runner.decode(grids);
  }

  /** A reference to the directory it was opened from: a gigabyte of weights that never change is not copied. */
  files(): ReadonlyMap<string, Uint8Array> {
    const content = { kind: KIND, directory: this.#directory };
    return new Map([[VISION_FILE, Buffer.from(`${JSON.stringify(content)}\n`)]]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner[Symbol.asyncDispose]();
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

async function inThread(directory: string, file: MovqConfigFile): Promise<MovqRunner> {
  await openMovqWeights(directory, file);
  return new MovqThread({ directory, threads: 0 });
}

export const MOVQ = {
  about: "Emu3's MoVQ, whose weights lie where they were downloaded to.",
  options: MovqFile,
  open: async ({ directory }: MovqFile, { path, movq }: VisionContext): Promise<VisionTokenizer> => {
    const place = resolve(dirname(path), directory);
    if (await hasMovqConfig(place)) return MovqTokenizer.open(place, movq);
    throw new CheckpointError(`${path} refers to the vision tokenizer in ${place}, which is not there.`, {
      hint: `Download it there, or change "directory" in ${VISION_FILE} to where it lies now.`,
    });
  },
};
