/** CLIP on pictures and texts, where it computes. A tower's weights are read when it is first used. */

import type { Picture } from "../images/picture.ts";
import { GraphRunner } from "../tensor/graph-runner.ts";
import { input } from "../tensor/ops/leaves.ts";
import type { Feeds } from "../tensor/session.ts";
import type { ClipConfig } from "./clip-config.ts";
import { clipText, clipVision, type ClipTower } from "./clip-graph.ts";
import type { ClipTokenizer } from "./clip-tokenizer.ts";
import { readClipFiles, type ClipFiles } from "./encoder-files.ts";
import type { EncoderModel } from "./encoder-thread.ts";
import { batchSize, pixelsOf, rowsOf, vectorsOf } from "./picture-batches.ts";
import type { Preprocessing } from "./preprocessing.ts";
import { ParameterInputs, readWeights } from "./weights.ts";

/** Texts of a full batch. */
const MOST_TEXTS = 16;
/** Lengths are rounded up to a multiple of it, so that few graphs are made. */
const LENGTH_STEP = 8;

export class ClipModel implements EncoderModel {
  readonly #directory: string;
  readonly #config: ClipConfig;
  readonly #rule: Preprocessing;
  readonly #tokenizer: ClipTokenizer;
  readonly #runner: GraphRunner;
  readonly #weights = new Map<ClipTower, Promise<Feeds>>();

  private constructor(directory: string, parts: ClipFiles & { readonly threads: number }) {
    this.#directory = directory;
    this.#config = parts.config;
    this.#rule = parts.rule;
    this.#tokenizer = parts.tokenizer;
    this.#runner = new GraphRunner({ threads: parts.threads });
  }

  /** Throws CheckpointError where config, preprocessing or tokenizer are missing or do not fit together. */
  static async open(directory: string, threads = 0): Promise<ClipModel> {
    return new ClipModel(directory, { ...(await readClipFiles(directory)), threads });
  }

  /** [projection] each. */
  async pictures(pictures: readonly Picture[]): Promise<Float32Array[]> {
    return vectorsOf(pictures, {
      runner: this.#runner,
      tower: (parameters, pixels) => clipVision(this.#config, parameters, pixels),
      weights: await this.#weightsOf("vision"),
      side: this.#config.vision.side,
      rule: this.#rule,
    });
  }

  /** [projection] each. */
  async texts(texts: readonly string[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += MOST_TEXTS) {
      vectors.push(...(await this.#textBatch(texts.slice(start, start + MOST_TEXTS))));
    }
    return vectors;
  }

  /** The ids that the text tower sees of a text, without what fills a batch: at most `most`, or all that it reads. */
  ids(text: string, most: number = this.#config.text.places): number[] {
    return this.#tokenizer.encode(text, most);
  }

  /** What the vision tower sees of one picture, [3, side, side]. */
  pixels(picture: Picture): Float32Array {
    return pixelsOf([picture], { side: this.#config.vision.side, rule: this.#rule });
  }

  /** What a cosine is multiplied with to become a logit: 100 in the published models. */
  async logitScale(): Promise<number> {
    const { logit_scale: scale } = await readWeights(this.#directory, new Map([["logit_scale", []]]));
    return Math.exp((scale as Float32Array)[0]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#runner[Symbol.asyncDispose]();
  }

  async #textBatch(texts: readonly string[]): Promise<Float32Array[]> {
    const rows = texts.map((text) => this.ids(text));
    const longest = Math.max(...rows.map((row) => row.length));
    const { places: most } = this.#config.text;
    const places = Math.min(most, Math.ceil(longest / LENGTH_STEP) * LENGTH_STEP);
    const size = batchSize(texts.length);
    const ids = new BigInt64Array(size * places);
    const ends = new BigInt64Array(size);
    for (const [index, row] of rows.entries()) {
      ids.set(row.map(BigInt), index * places);
      ends[index] = BigInt(index * places + this.#endOf(row));
    }
    const recipe = {
      key: ["texts", size, places],
      build: () => {
        const inputs = { ids: input("ids", [size, places], "int64"), ends: input("ends", [size], "int64") };
        return { vectors: clipText(this.#config, new ParameterInputs().parameters, inputs) };
      },
    };
    const { read } = await this.#runner.run(recipe, { ...(await this.#weightsOf("text")), ids, ends });
    return rowsOf(read["vectors"] as Float32Array, size).slice(0, texts.length);
  }

  /** Where the text's vector is read: at its first end token. */
  #endOf(ids: readonly number[]): number {
    const { end } = this.#config.text;
    return Math.max(0, ids.indexOf(end ?? Math.max(...ids)));
  }

  #weightsOf(tower: ClipTower): Promise<Feeds> {
    const known = this.#weights.get(tower);
    if (known !== undefined) return known;
    const weights = readWeights(this.#directory, this.#shapesOf(tower));
    // What could not be read is tried anew the next time.
    weights.catch(() => this.#weights.delete(tower));
    this.#weights.set(tower, weights);
    return weights;
  }

  #shapesOf(tower: ClipTower): ParameterInputs["shapes"] {
    const asked = new ParameterInputs();
    const { side } = this.#config.vision;
    if (tower === "vision") clipVision(this.#config, asked.parameters, input("pixels", [1, 3, side, side]));
    else {
      const inputs = { ids: input("ids", [1, 1], "int64"), ends: input("ends", [1], "int64") };
      clipText(this.#config, asked.parameters, inputs);
    }
    return asked.shapes;
  }
}
