/** A ViT on pictures, where it computes. */

import type { Picture } from "../images/picture.ts";
import { GraphRunner } from "../tensor/graph-runner.ts";
import { input } from "../tensor/ops/leaves.ts";
import { readVitFiles } from "./encoder-files.ts";
import { pixelsOf, vectorsOf, type TowerRun } from "./picture-batches.ts";
import { vitVectors } from "./vit-graph.ts";
import { ParameterInputs, readWeights } from "./weights.ts";
import type { EncoderModel } from "./encoder-thread.ts";

export class VitModel implements EncoderModel {
  readonly #run: TowerRun;

  private constructor(run: TowerRun) {
    this.#run = run;
  }

  /** Reads everything. Throws CheckpointError where a file is missing or they do not fit together. */
  static async open(directory: string, threads = 0): Promise<VitModel> {
    const { config, rule } = await readVitFiles(directory);
    const { side } = config;
    const asked = new ParameterInputs();
    vitVectors(config, asked.parameters, input("pixels", [1, 3, side, side]));
    const weights = await readWeights(directory, asked.shapes, "vit.");
    return new VitModel({
      runner: new GraphRunner({ threads }),
      tower: (parameters, pixels) => vitVectors(config, parameters, pixels),
      weights,
      side,
      rule,
    });
  }

  /** Vectors of the first row, [width] each. */
  pictures(pictures: readonly Picture[]): Promise<Float32Array[]> {
    return vectorsOf(pictures, this.#run);
  }

  /** What the model sees of one picture, [3, side, side]. */
  pixels(picture: Picture): Float32Array {
    return pixelsOf([picture], this.#run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run.runner[Symbol.asyncDispose]();
  }
}
