/** MoVQ on pictures, where it computes: whole batches in, a picture at a time through the model. */

import type { Picture } from "../../images/picture.ts";
import type { CodeGrid } from "../vision-tokenizer.ts";
import { spatialFactor } from "./config.ts";
import type { MovqModel } from "./movq-model.ts";
import { fromPixels, toPixels } from "./pixels.ts";

/** Where a MoVQ computes: in this thread, in one of its own, or beside an engine. Sizes and codes were checked before. */
export interface MovqRunner extends AsyncDisposable {
  encode(pictures: readonly Picture[]): Promise<CodeGrid[]>;
  decode(grids: readonly CodeGrid[]): Promise<Picture[]>;
}

export class MovqPictures implements MovqRunner {
  readonly #model: MovqModel;

  /** The model is closed with it. */
  constructor(model: MovqModel) {
    this.#model = model;
  }

  async encode(pictures: readonly Picture[]): Promise<CodeGrid[]> {
    const grids: CodeGrid[] = [];
    for (const one of pictures) {
      const { rows, columns, codes } = await this.#model.encode(toPixels(one), one.height, one.width);
      grids.push({ rows, columns, codes });
    }
    return grids;
  }

  async decode(grids: readonly CodeGrid[]): Promise<Picture[]> {
    const factor = spatialFactor(this.#model.config);
    const pictures: Picture[] = [];
    for (const grid of grids) {
      const pixels = await this.#model.decode(grid.codes, grid);
      pictures.push(fromPixels(pixels, grid.columns * factor, grid.rows * factor));
    }
    return pictures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model[Symbol.asyncDispose]();
  }
}
